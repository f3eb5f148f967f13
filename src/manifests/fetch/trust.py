"""Say whose certificates are trusted where somebody names them, and why one is not."""

from __future__ import annotations

import ssl

from manifests.errors import SettingsError

__all__ = ["named_context", "verdict"]


def named_context(file: str | None, folder: str | None) -> ssl.SSLContext:
    """Return a context that trusts the certificates of a file and a folder, and no others."""
    try:
        return ssl.create_default_context(cafile=file, capath=folder)
    except OSError as error:  # an SSLError is one, too
        raise SettingsError(
            f"SSL_CERT_FILE names no file of certificates: {file} ({error.strerror})",
            next_step="name a PEM file there, or unset it to use the system's certificates",
        ) from error


def verdict(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return what OpenSSL has against a certificate, if that is why a connection failed."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        # httpcore raises its own `from None`: only the context still knows.
        cause = cause.__cause__ or cause.__context__
    return cause
