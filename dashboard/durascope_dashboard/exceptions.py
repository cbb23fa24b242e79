"""Everything that Durascope's operations side raises on purpose; each message is one sentence with the next step.

DurascopeError
  +-- NotFound            what was asked about does not exist
  +-- UsageError          wrong arguments, settings or filter (exit code 2)
  |     +-- InvalidFilter
  |     +-- UnknownQuery
  +-- StoreUnavailable    neither a collector nor a store file answers
  |     +-- StoreLocked       another process owns the file
  |     +-- StoreIncompatible made by another version of Durascope
  |     +-- Refused           the collector wants a token that was not given, or not this one
  +-- TemporalUnavailable
  +-- InvalidHistory      a file or stream that is no event history
  +-- CollectorError
  |     +-- PortInUse
  +-- ExportError
"""


class DurascopeError(Exception):
    """Base of all; the command line prints the message and exits with ``exit_code``."""

    exit_code = 1


class NotFound(DurascopeError):
    """The run, file or object asked about is not there."""


class UsageError(DurascopeError):
    """The request itself is wrong."""

    exit_code = 2


class InvalidFilter(UsageError):
    """A ``--query`` that is not in the filter language; the message names the part that is not."""


class UnknownQuery(UsageError):
    """A named query, or a parameter of one, that does not exist."""


class StoreUnavailable(DurascopeError):
    """No collector answers and no store file can be opened."""


class StoreLocked(StoreUnavailable):
    """Another process has the store file open for writing."""


class StoreIncompatible(StoreUnavailable):
    """The store was written with a schema that this version does not read."""


class Refused(StoreUnavailable):
    """The collector does not answer to this client: a token is missing or wrong, or the name is not its own."""


class TemporalUnavailable(DurascopeError):
    """The Temporal server did not answer, or refused."""


class InvalidHistory(DurascopeError):
    """The input is not a Temporal event history."""


class CollectorError(DurascopeError):
    """The collector cannot start or go on."""


class PortInUse(CollectorError):
    """Something else listens where the collector should."""


class ExportError(DurascopeError):
    """An exporter's destination refused the data."""


def innermost(error: Exception) -> Exception:
    """The first error that is no group: what a group of tasks ended for."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error
