"""Makes a plain function of the Studio into an endpoint of Gradio's: bound, checked and with errors told in one way."""

import inspect
import logging
from collections.abc import Callable
from contextlib import aclosing
from typing import Any, TypeVar

import gradio as gr
from pydantic import BaseModel, ValidationError

from accounts.principal import Principal
from api.auth import known
from api.errors import invalid
from core.errors import Unauthorized, VoiceForgeError
from studio import Studio

logger = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)


def bound(studio: Studio, function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` without its first parameter, the Studio; Gradio reads its name, types and docstring."""

    if inspect.isasyncgenfunction(function):

        async def endpoint(*args: Any, **kwargs: Any) -> Any:
            try:
                async with aclosing(function(studio, *args, **kwargs)) as steps:
                    async for step in steps:
                        yield step
            except Exception as error:
                raise told(error) from error

    else:

        async def endpoint(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(studio, *args, **kwargs)
            except Exception as error:
                raise told(error) from error

    signature = inspect.signature(function)
    first = next(iter(signature.parameters))
    rest = [parameter for name, parameter in signature.parameters.items() if name != first]
    endpoint.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
    endpoint.__annotations__ = {name: hint for name, hint in function.__annotations__.items() if name != first}
    endpoint.__name__, endpoint.__doc__ = function.__name__, inspect.getdoc(function)
    return endpoint


def told(error: Exception) -> gr.Error:
    """What a client is told. The sentence comes first, then the machine-readable code in brackets."""
    if isinstance(error, VoiceForgeError):
        return gr.Error(f"{error.message} [{error.code}]", print_exception=False)
    logger.error("an endpoint failed", exc_info=error)
    return gr.Error("Something broke in here; the log says what. [internal_error]", print_exception=False)


def anybody(request: gr.Request) -> Principal:
    """The caller, as the gate of the mount has found him, a visitor too."""
    principal = getattr(request.request.state, "principal", None) if request.request else None
    if principal is None:
        raise Unauthorized("This needs an API key, as in the header 'X-API-Key: vf_live_…'.")
    return principal


def caller_of(request: gr.Request) -> Principal:
    """The caller. Raises Unauthorized for a visitor."""
    return known(anybody(request))


def checked(model: type[M], /, **values: Any) -> M:
    """The same check that the HTTP API makes of a body or form. Raises BadRequest."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise invalid(error.errors()) from None
