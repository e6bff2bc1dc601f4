"""What every route is handed: the Studio, and the request's own id."""

from typing import Annotated

from fastapi import Depends, Request

from studio import Studio


async def studio(request: Request) -> Studio:
    """The parts of the house. A coroutine, since FastAPI would run a plain function in a thread."""
    return request.app.state.studio


def request_id(request: Request) -> str:
    """The id under which this request is logged, metered and answered."""
    return request.state.request_id


House = Annotated[Studio, Depends(studio)]
