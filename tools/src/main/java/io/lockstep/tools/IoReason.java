package io.lockstep.tools;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** Immutable. Why something failed with files, in words: Java says it by the name of a class. */
public final class IoReason {
  private IoReason() {}

  /** The file, if it is known, and {@link #of}. */
  public static String withFile(IOException failure) {
    if (failure instanceof FileSystemException known && known.getFile() != null) {
      return known.getFile() + ": " + of(failure);
    }
    return failure.getClass().getSimpleName() + ": " + failure.getMessage();
  }

  /** Without the file, which the caller has named. */
  public static String of(IOException failure) {
    if (failure instanceof NoSuchFileException) {
      return "no such file or directory";
    }
    if (failure instanceof AccessDeniedException) {
      return "permission denied";
    }
    if (failure instanceof FileAlreadyExistsException there) {
      return Files.isDirectory(Path.of(there.getFile()))
          ? "is there already"
          : "is a file, expected a directory";
    }
    if (failure instanceof FileSystemException known && known.getReason() != null) {
      return known.getReason();
    }
    return failure.getMessage();
  }
}
