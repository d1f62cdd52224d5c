"""What everybody is answered. An operation without a row fails.

A cell is the status where the thing is there and, after a stroke, where it is not; after an
exclamation mark, what Alex is answered while Sam takes told space. Silent space has no column: it
looks like none. Whoever shows no token that is good is answered 401, but by what wants none.
"""

OUTSIDE = ("nobody", "expired", "revoked", "deleted")
# All of them alone, and to be answered alike: nothing is left of a pairing, or there before it.
ALONE = ("stranger", "former", "invitee")
WHO = (*OUTSIDE, *ALONE, "elsewhere", "remembering", "partner", "self")

#                                    Sam      Alex         in another   alone
#                                                          couple
TABLE = """
accounts_sign_up                     202
accounts_confirm                     410
accounts_ask_for_reset               202
accounts_reset                       410
accounts_read_account                200      200          200        200
accounts_change_account              200      200          200        200

sessions_sign_in                     401
sessions_read_sessions               200      200          200        200
sessions_end_sessions                204      204          204        204
sessions_refresh                     401
sessions_prove_again                 204      204          204        204
sessions_end_session                 204/404  404          404        404

identities_read_identities           200      200          200        200
identities_sign_up                   409
identities_sign_in                   409
identities_prove                     409      409          409        409
identities_link                      409      409          409        409
identities_unlink                    204      204          204        204

credentials_read_pending             200      200          200        200
credentials_stop                     204      204          204        204
credentials_change_password          202      202          202        202
credentials_change_email             202      202          202        202
credentials_confirm_email            410

security_read_security               200      200          200        200

devices_read_devices                 200      200          200        200
devices_register_device              200      200          200        200
devices_forget_device                204/404  404          404        404

pairing_read_pairing                 200      200          200        200
pairing_invite                       409      409          409        200
pairing_withdraw                     204      204          204        204
pairing_redeem                       409      409          409        404
pairing_confirm                      409      409          409        409
pairing_leave                        204      204          204        409

blocks_read_blocks                   200      200          200        200
blocks_lift                          204/404  404          404        404

consents_read_consents               200      200          200        200
consents_read_history                200      200          200        200
consents_give                        200      200          200        409
consents_withdraw                    204      204          204        204

boundaries_read_boundaries           200      200          200        200
boundaries_set_boundaries            200      200          200        409

space_read_space                     200      200          200        409
space_take_space                     200      200          200        409
space_end_space                      204      204          204        409

questionnaires_read_questionnaires   200      200          200        200
questionnaires_read_questionnaire    200      200          200        200
questionnaires_read_version          200      200          200        200

checkins_read_checkins               200      200          200        200
checkins_begin                       201      201!409      201        409

answers_read_checkin                 200/404  200/404      404        404
answers_answer                       409/404  200/404      404        404
answers_release                      200/404  200/404      404        404
answers_withdraw_release             204/404  204/404      404        404

schedules_read_schedules             200      200          200        200
schedules_make                       201      201!409      201        409
schedules_change                     200/404  200/404!409  404        404
schedules_agree                      200/404  200/404      404        404
schedules_withdraw                   204/404  204/404      404        404
schedules_decline                    204/404  204/404      404        404

nudges_read_nudges                   200      200          200        200
nudges_look                          200      200          200        200
nudges_discard                       204      204          204        204
nudges_read_phrases                  200      200          200        200
nudges_read_sent                     200      200          200        409
nudges_send                          202      202!409      202        409
nudges_dismiss                       204/404  404          404        404

today_read_today                     200      200          200        200

privacy_export                       200      200          200        200
privacy_read_deletion                200      200          200        200
privacy_ask_for_deletion             202      202          202        202
privacy_take_deletion_back           204      204          204        204
"""
ROWS = {name: cells for name, *cells in (row.split() for row in TABLE.splitlines() if row)}
COLUMNS = ("self", "partner", "elsewhere", "alone")

# Where somebody is not answered like all who stand where they do.
OTHERWISE = {
    ("pairing_redeem", "invitee", True): 202,  # types again the code that they have
    # A former partner, of a check-in in which they answered: they keep reading what they wrote.
    ("answers_read_checkin", "remembering", True): 200,
    ("answers_answer", "remembering", True): 409,
    ("answers_release", "remembering", True): 409,
    ("answers_withdraw_release", "remembering", True): 204,
}


def expected(operation: str, who: str, world: str) -> int | None:
    """None: nobody has said what it should be."""
    cells, there = ROWS.get(operation, []), world != "bare"
    if len(cells) == 1:
        return int(cells[0])  # wants no token
    if who in OUTSIDE or not cells:
        return 401 if cells else None
    if (operation, who, there) in OTHERWISE:
        return OTHERWISE[operation, who, there]
    cell = cells[COLUMNS.index(who if who in COLUMNS else "alone")]
    usual, _, told = cell.partition("!")
    found, _, absent = usual.partition("/")
    if world == "told" and told:
        return int(told)
    return int(found if there else absent or found)
