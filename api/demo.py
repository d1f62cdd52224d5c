"""placeholder"""

from datetime import datetime
from sqlalchemy import URL
from api.settings import Settings


async def demo(url: URL, settings: Settings, now: datetime) -> bool:
    return False
