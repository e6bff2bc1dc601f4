"""Every error VoiceForge raises on purpose, in one tree.

    VoiceForgeError                 500  something broke in here
    ├── BadRequest                  400  the request cannot be understood or served
    │   ├── BadAudio                400  the upload is not audio that can be decoded
    │   ├── FetchRefused            400  a URL that may not be fetched
    │   ├── TooLarge                413  more bytes, text or seconds than is allowed
    │   └── UnsupportedMedia        415  the body has a content type this route does not take
    ├── Unauthorized                401  no key, or one that is not valid
    ├── Forbidden                   403  a valid key without the right to do this
    ├── NotFound                    404  nothing by that name
    │   ├── UnknownVoice            404
    │   └── UnknownModel            404
    ├── Conflict                    409  it exists already, or changed meanwhile
    ├── LimitReached                429  a limit of the caller's own; `retry_after` says when
    │   ├── RateLimited             429  too many requests in a time
    │   ├── TooManyAtOnce           429  too many requests side by side
    │   └── BudgetSpent             429  the key's budget is used up
    ├── FetchFailed                 502  the far end of a URL did not answer well
    ├── EngineError                 500  an engine failed on this request
    │   ├── EngineTimeout           504  it took longer than it may
    │   ├── WorkerDied              503  its process ended before the answer did
    │   └── OutOfMemory             503  it ran out of memory
    ├── Unavailable                 503  it cannot be served now
    │   ├── NotInstalled            503  an engine that is listed but not here
    │   ├── NotDownloaded           503  an engine whose weights are not here
    │   ├── CircuitOpen             503  an engine that keeps crashing, resting
    │   └── Overloaded              503  the queue is full
    └── StorageError                500  what must survive could not be kept

A message is a sentence for the person who reads it and holds no secret, path or address of this machine.
Faces translate the tree once each; nobody else turns an error into a status code.
"""


class VoiceForgeError(Exception):
    """Base of the tree.

    `status` is the HTTP status, `code` the machine-readable name, `retryable` whether the same request may succeed
    later, `param` the field at fault where there is one, `retry_after` seconds to wait where that is known.
    """

    status = 500
    code = "internal_error"
    retryable = False

    def __init__(self, message: str, *, param: str | None = None, retry_after: float | None = None):
        super().__init__(message)
        self.message = message
        self.param = param
        self.retry_after = retry_after


class BadRequest(VoiceForgeError):
    status, code = 400, "invalid_request"


class BadAudio(BadRequest):
    code = "invalid_audio"


class FetchRefused(BadRequest):
    code = "url_refused"


class TooLarge(BadRequest):
    status, code = 413, "too_large"


class UnsupportedMedia(BadRequest):
    status, code = 415, "unsupported_media_type"


class Unauthorized(VoiceForgeError):
    status, code = 401, "invalid_api_key"


class Forbidden(VoiceForgeError):
    status, code = 403, "insufficient_scope"


class NotFound(VoiceForgeError):
    status, code = 404, "not_found"


class UnknownVoice(NotFound):
    code = "voice_not_found"


class UnknownModel(NotFound):
    code = "model_not_found"


class Conflict(VoiceForgeError):
    status, code = 409, "conflict"


class LimitReached(VoiceForgeError):
    status, code, retryable = 429, "limit_reached", True


class RateLimited(LimitReached):
    code = "rate_limit_exceeded"


class TooManyAtOnce(LimitReached):
    code = "concurrency_limit_exceeded"


class BudgetSpent(LimitReached):
    code, retryable = "insufficient_quota", False


class FetchFailed(VoiceForgeError):
    status, code, retryable = 502, "fetch_failed", True


class EngineError(VoiceForgeError):
    code = "engine_error"


class EngineTimeout(EngineError):
    status, code, retryable = 504, "engine_timeout", True


class WorkerDied(EngineError):
    status, code, retryable = 503, "worker_died", True


class OutOfMemory(EngineError):
    status, code, retryable = 503, "out_of_memory", True


class Unavailable(VoiceForgeError):
    status, code = 503, "unavailable"


class NotInstalled(Unavailable):
    code = "engine_not_installed"


class NotDownloaded(Unavailable):
    code = "model_not_downloaded"


class CircuitOpen(Unavailable):
    code, retryable = "engine_resting", True


class Overloaded(Unavailable):
    code, retryable = "overloaded", True


class StorageError(VoiceForgeError):
    code = "storage_error"
