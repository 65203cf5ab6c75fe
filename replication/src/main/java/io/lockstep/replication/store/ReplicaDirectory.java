package io.lockstep.replication.store;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.function.LongConsumer;

/**
 * Immutable. The directories of replicas below a data directory: how they are named, made, found
 * and put into quarantine. See the package for the layout.
 *
 * <p>A directory is made aside and renamed, so that under its name it is whole or not there.
 */
public final class ReplicaDirectory {
  private static final String KIND = "STRP";
  private static final int VERSION = 1;
  private static final String LAYER_SUFFIX = ".0";
  private static final String NEW_PREFIX = ".new-";
  private static final String GONE_PREFIX = ".gone-";

  private final Path replicas;
  private final Path quarantine;
  private final UUID daemon;

  public ReplicaDirectory(Path root, UUID daemon) throws IOException {
    this.replicas = root.resolve("replicas");
    this.quarantine = root.resolve("quarantine");
    this.daemon = daemon;
    Files.createDirectories(replicas);
    Files.createDirectories(quarantine);
    DurableFiles.syncDirectory(root);
  }

  public Path directory(long set) {
    return replicas.resolve(hex(set));
  }

  /** The file of an object's head layer. */
  public Path object(ObjectKey key) {
    String name = hex(key.inode());
    return directory(key.set())
        .resolve("objects")
        .resolve(name.substring(name.length() - 2))
        .resolve(name + LAYER_SUFFIX);
  }

  /**
   * Makes the directory, or finds that an earlier try left it whole and empty. Anything else of
   * that name goes to quarantine first.
   */
  public void ensure(long set, long volume, long wallTimeNs) throws IOException {
    Path directory = directory(set);
    if (Files.exists(directory)) {
      if (isEmptyReplica(directory, set, volume)) {
        return;
      }
      quarantine(directory, "found where replica " + hex(set) + " was to be made", wallTimeNs);
    }
    Path fresh = replicas.resolve(NEW_PREFIX + hex(set));
    if (Files.exists(fresh)) {
      quarantine(fresh, "left by a creation that did not finish", wallTimeNs);
    }
    Path objects = fresh.resolve("objects");
    Files.createDirectories(objects);
    for (int i = 0; i < 256; i++) {
      Files.createDirectory(objects.resolve(String.format(Locale.ROOT, "%02x", i)));
    }
    DurableFiles.replace(fresh.resolve("replica"), replicaFile(set, volume));
    DurableFiles.syncDirectory(objects);
    DurableFiles.syncDirectory(fresh);
    DurableFiles.move(fresh, directory);
  }

  private byte[] replicaFile(long set, long volume) {
    ByteBuffer content = ByteBuffer.allocate(32).putLong(set).putLong(volume);
    content.putLong(daemon.getMostSignificantBits()).putLong(daemon.getLeastSignificantBits());
    return Checksummed.file(KIND, VERSION, content.array());
  }

  /** Whether there is nothing of that name, or a replica that was just made. */
  public boolean isEmpty(long set, long volume) {
    Path directory = directory(set);
    return !Files.exists(directory) || isEmptyReplica(directory, set, volume);
  }

  private boolean isEmptyReplica(Path directory, long set, long volume) {
    try {
      check(set);
      boolean[] hasObjects = new boolean[1];
      listObjects(set, inode -> hasObjects[0] = true, stray -> hasObjects[0] = true);
      ByteBuffer content = content(directory);
      return !hasObjects[0] && content.getLong() == set && content.getLong() == volume;
    } catch (IOException | Outcome e) {
      return false;
    }
  }

  /** Whether what is there is this daemon's replica of this set, whole. */
  public void check(long set) throws Outcome {
    Path directory = directory(set);
    try {
      if (!Files.isDirectory(directory.resolve("objects"))) {
        throw new Outcome(ErrorCode.CORRUPT, directory + " has no directory 'objects'");
      }
      ByteBuffer content = content(directory);
      long foundSet = content.getLong();
      content.getLong();
      UUID foundDaemon = new UUID(content.getLong(), content.getLong());
      if (foundSet != set || !foundDaemon.equals(daemon)) {
        throw new Outcome(
            ErrorCode.CORRUPT,
            directory + " is of set " + hex(foundSet) + " on daemon " + foundDaemon);
      }
    } catch (IOException e) {
      throw new Outcome(StoreFailure.code(e), directory + ": " + StoreFailure.text(e));
    }
  }

  private static ByteBuffer content(Path directory) throws IOException, Outcome {
    Path file = directory.resolve("replica");
    return Checksummed.content(Files.readAllBytes(file), KIND, VERSION, file.toString());
  }

  /** Sets that have a directory; what bears another name goes to {@code strays}. */
  public List<Long> list(List<Path> strays) throws IOException {
    List<Long> sets = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(replicas)) {
      for (Path entry : entries) {
        Long set = number(entry.getFileName().toString());
        if (set != null && Files.isDirectory(entry)) {
          sets.add(set);
        } else {
          strays.add(entry);
        }
      }
    }
    return sets;
  }

  /** Calls {@code onObject} for each object's file of a replica, {@code onStray} for others. */
  public void listObjects(long set, LongConsumer onObject, Consumer<Path> onStray)
      throws IOException {
    try (DirectoryStream<Path> groups =
        Files.newDirectoryStream(directory(set).resolve("objects"))) {
      for (Path group : groups) {
        if (!Files.isDirectory(group)) {
          onStray.accept(group);
          continue;
        }
        listGroup(set, group, onObject, onStray);
      }
    }
  }

  private void listGroup(long set, Path group, LongConsumer onObject, Consumer<Path> onStray)
      throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(group)) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        Long inode =
            name.endsWith(LAYER_SUFFIX)
                ? number(name.substring(0, name.length() - LAYER_SUFFIX.length()))
                : null;
        if (inode != null && file.equals(object(new ObjectKey(set, inode)))) {
          onObject.accept(inode);
        } else {
          onStray.accept(file);
        }
      }
    }
  }

  /** Moves it out of the way and says why. Nothing is deleted. */
  public Path quarantine(Path found, String reason, long wallTimeNs) throws IOException {
    Path kept = quarantine.resolve(wallTimeNs + "-" + found.getFileName());
    for (int i = 1; Files.exists(kept); i++) {
      kept = quarantine.resolve(wallTimeNs + "." + i + "-" + found.getFileName());
    }
    DurableFiles.move(found, kept);
    Files.write(
        kept.resolveSibling(kept.getFileName() + ".reason"),
        (found + ": " + reason + "\n").getBytes(StandardCharsets.UTF_8));
    return kept;
  }

  /** Takes the directory out of its name, durably, and deletes what was in it. */
  public void delete(long set) throws IOException {
    Path directory = directory(set);
    Path gone = replicas.resolve(GONE_PREFIX + hex(set));
    DurableFiles.deleteTree(gone);
    if (Files.exists(directory)) {
      DurableFiles.move(directory, gone);
    }
    DurableFiles.deleteTree(gone);
  }

  /** Finishes a deletion that a crash interrupted; true if {@code stray} was such. */
  public boolean finishDelete(Path stray) throws IOException {
    if (!stray.getFileName().toString().startsWith(GONE_PREFIX)) {
      return false;
    }
    DurableFiles.deleteTree(stray);
    return true;
  }

  public static String hex(long id) {
    return HexFormat.of().toHexDigits(id);
  }

  private static Long number(String hex) {
    if (hex.length() != 16) {
      return null;
    }
    try {
      long value = Long.parseUnsignedLong(hex, 16);
      return hex(value).equals(hex) ? value : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
