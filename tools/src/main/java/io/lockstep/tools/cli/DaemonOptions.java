package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;
import io.lockstep.tools.config.Entries;
import io.lockstep.tools.config.YamlFile;
import java.nio.file.Path;
import java.util.Map;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Confined to its command. Settings that every daemon has, from {@code --config} or from flags. */
final class DaemonOptions {
  @Option(
      names = "--config",
      paramLabel = "FILE",
      description = "YAML file with these settings under the same names; flags win over it")
  private Path config;

  @Option(names = "--data", paramLabel = "DIR", description = "its directory")
  private Path data;

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "listen on it; loopback only (default: 127.0.0.1)")
  private String host;

  @Option(
      names = "--port",
      paramLabel = "PORT",
      description = "listen on it (default: the one it had, at first a free one of 20000-29999)")
  private Integer port;

  @Option(
      names = "--secret-file",
      paramLabel = "FILE",
      description = "the cluster's secret, mode 0600")
  private Path secretFile;

  @Mixin private ProcessOptions process;

  boolean stopWithStdin() {
    return process.stopWithStdin();
  }

  Entries entries(String command) throws UserError {
    Entries entries = config == null ? new Entries(command, Map.of()) : YamlFile.read(config);
    return entries
        .override("data", data)
        .override("host", host)
        .override("port", port)
        .override("secret-file", secretFile)
        .override("ready-file", process.readyFile())
        .override("log-file", process.logFile());
  }
}
