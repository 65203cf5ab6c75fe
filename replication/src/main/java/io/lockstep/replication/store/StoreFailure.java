package io.lockstep.replication.store;

import io.lockstep.core.ErrorCode;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.util.Locale;

/** Immutable. What a failure of the disk means to the caller. */
public final class StoreFailure {
  private StoreFailure() {}

  /** NO_SPACE, ACCESS_DENIED, or IO_ERROR. Java tells them apart by their text only. */
  public static ErrorCode code(IOException failure) {
    if (failure instanceof AccessDeniedException) {
      return ErrorCode.ACCESS_DENIED;
    }
    String message = String.valueOf(failure.getMessage()).toLowerCase(Locale.ROOT);
    if (message.contains("no space left") || message.contains("quota exceeded")) {
      return ErrorCode.NO_SPACE;
    }
    return message.contains("read-only file system") ? ErrorCode.READ_ONLY : ErrorCode.IO_ERROR;
  }

  /** For people. */
  static String text(IOException failure) {
    String reason =
        failure instanceof FileSystemException named ? named.getReason() : failure.getMessage();
    return failure.getClass().getSimpleName() + (reason == null ? "" : ": " + reason);
  }
}
