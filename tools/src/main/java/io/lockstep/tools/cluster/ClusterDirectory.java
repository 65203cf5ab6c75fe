package io.lockstep.tools.cluster;

import io.lockstep.tools.UserError;
import io.lockstep.tools.process.PortFile;
import io.lockstep.tools.process.ProcessRecords;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Immutable. Where things are in the directory of a quickstart:
 *
 * <pre>
 *   secret            of the cluster, mode 0600
 *   mount-point       text: where the volume is mounted
 *   master-port       text: where the master listens
 *   master/           data of the master
 *   storage-N/        data of storage daemon N
 *   run/              records, ready files, locks
 *   log/              one file per process, rotated
 * </pre>
 *
 * {@code ~/.lockstep/latest} names the directory of the latest quickstart.
 */
public record ClusterDirectory(Path top) {
  public static final String MASTER = "master";
  public static final String MOUNT = "mount";
  public static final List<String> STORAGES = List.of("storage-1", "storage-2", "storage-3");
  public static final String HOST = "127.0.0.1";

  public ClusterDirectory {
    top = top.toAbsolutePath().normalize();
  }

  /** The directory of the latest quickstart of this user. */
  public static Optional<ClusterDirectory> latest() throws IOException {
    try {
      Path named = Path.of(Files.readString(latestFile()).trim());
      return Files.isDirectory(named) ? Optional.of(new ClusterDirectory(named)) : Optional.empty();
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  public void becomeLatest() throws IOException {
    Files.createDirectories(latestFile().getParent());
    Files.writeString(latestFile(), top + "\n");
  }

  private static Path latestFile() {
    return state().resolve("latest");
  }

  /** What this user's commands remember: {@code ~/.lockstep}. */
  public static Path state() {
    return home().resolve(".lockstep");
  }

  /** {@code ~} as the shell understands it. */
  public static Path home() {
    String home = System.getenv("HOME");
    return Path.of(home == null || home.isEmpty() ? System.getProperty("user.home") : home);
  }

  public Path secretFile() {
    return top.resolve("secret");
  }

  public Path data(String role) {
    return top.resolve(role);
  }

  public Path run() {
    return top.resolve("run");
  }

  public Path readyFile(String role) {
    return run().resolve(role + ".ready");
  }

  public Path logFile(String role) {
    return top.resolve("log").resolve(role + ".log");
  }

  /** What the process says on stderr before its log is open, and when the JVM dies. */
  public Path errorFile(String role) {
    return top.resolve("log").resolve(role + ".err");
  }

  public ProcessRecords records() {
    return new ProcessRecords(run());
  }

  public boolean exists() {
    return Files.exists(secretFile());
  }

  /** Where the master listens, or listened last. */
  public String masterAddress() throws IOException, UserError {
    int port = masterPort().kept();
    if (port == 0) {
      throw UserError.failed("no quickstart in %s; run lockstep quickstart --dir %s", top, top);
    }
    return HOST + ":" + port;
  }

  /** The master's port is chosen for it: the others are told before it runs. */
  public PortFile masterPort() {
    return new PortFile(top.resolve("master-port"));
  }

  public Optional<Path> mountPoint() throws IOException {
    try {
      return Optional.of(Path.of(Files.readString(top.resolve("mount-point")).trim()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    }
  }

  public void keepMountPoint(Path mountPoint) throws IOException {
    Files.writeString(top.resolve("mount-point"), mountPoint + "\n");
  }
}
