package io.lockstep.tools.process;

import io.lockstep.tools.UserError;
import io.lockstep.tools.config.StorageSettings;
import java.io.IOException;

/** Immutable. The process {@code lockstep storage}. */
public final class StorageProcess {
  private StorageProcess() {}

  /** Returns when it is usable. */
  @SuppressWarnings("DoNotCallSuggester")
  public static void start(StorageSettings settings, Lifetime lifetime)
      throws IOException, UserError {
    throw UserError.failed("the storage daemon is not there yet (%s)", settings.data());
  }
}
