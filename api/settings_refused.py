class SettingRefused(Exception):
    """A setting that cannot be meant as it stands; says which, and nothing of its value."""
