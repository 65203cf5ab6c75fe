package io.lockstep.tools.process;

import io.lockstep.tools.UserError;
import io.lockstep.tools.config.MasterSettings;
import java.io.IOException;

/** Immutable. The process {@code lockstep master}. */
public final class MasterProcess {
  private MasterProcess() {}

  /** Returns when it is usable. */
  @SuppressWarnings("DoNotCallSuggester")
  public static void start(MasterSettings settings, Lifetime lifetime)
      throws IOException, UserError {
    throw UserError.failed("the master is not there yet (%s)", settings.data());
  }
}
