package io.lockstep.tools.cli;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Confined to its command. How a process that stays tells what becomes of it, and when it ends. */
final class ProcessOptions {
  @Option(names = "--ready-file", paramLabel = "FILE", description = "written when it is usable")
  private Path readyFile;

  @Option(
      names = "--log-file",
      paramLabel = "FILE",
      description = "log there, rotated (default: stderr)")
  private Path logFile;

  @Option(names = "--stop-with-stdin", description = "stop when stdin ends")
  private boolean stopWithStdin;

  /** Null = none. */
  Path readyFile() {
    return readyFile;
  }

  /** Null = stderr. */
  Path logFile() {
    return logFile;
  }

  boolean stopWithStdin() {
    return stopWithStdin;
  }
}
