package io.lockstep.simulation.disk;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileStore;
import java.nio.file.FileSystem;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.WatchService;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.spi.FileSystemProvider;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Confined to the thread of the simulation. Files and directories by their absolute path. Changes
 * of names form one log, as the journal of a filesystem: the sync of any directory makes all of
 * them durable that came before.
 */
final class SimFileSystem extends FileSystem {
  /** What a name means. */
  sealed interface Node permits Directory, SimFile {}

  /** A directory is its entries' common prefix. */
  enum Directory implements Node {
    DIRECTORY
  }

  /** A change of one or two names; the nodes survive by reference. */
  private record Rename(Map<String, Node> put, Set<String> gone) {
    void apply(Map<String, Node> names) {
      gone.forEach(names::remove);
      names.putAll(put);
    }
  }

  private final SimDisk disk;
  private final SimProvider provider = new SimProvider(this);
  private TreeMap<String, Node> names = new TreeMap<>();
  private final TreeMap<String, Node> durableNames = new TreeMap<>();
  private final List<Rename> unsynced = new ArrayList<>();
  private final SimStore store;

  SimFileSystem(SimDisk disk) {
    this.disk = disk;
    this.store = new SimStore(disk);
    names.put("/", Directory.DIRECTORY);
    durableNames.put("/", Directory.DIRECTORY);
  }

  SimDisk disk() {
    return disk;
  }

  FileStore store() {
    return store;
  }

  SimPath path(String text) {
    return new SimPath(this, text);
  }

  Node node(SimPath path) {
    return names.get(path.toAbsolutePath().toString());
  }

  private void change(Map<String, Node> put, Set<String> gone) {
    disk.onOperation();
    Rename rename = new Rename(put, gone);
    rename.apply(names);
    unsynced.add(rename);
  }

  void makeDirectory(SimPath path) throws IOException {
    requireParent(path);
    if (node(path) != null) {
      throw new FileAlreadyExistsException(path.toString());
    }
    change(Map.of(path.toAbsolutePath().toString(), Directory.DIRECTORY), Set.of());
  }

  SimFile makeFile(SimPath path) throws IOException {
    requireParent(path);
    SimFile file = new SimFile(disk);
    change(Map.of(path.toAbsolutePath().toString(), file), Set.of());
    return file;
  }

  private void requireParent(SimPath path) throws IOException {
    Path parent = path.toAbsolutePath().getParent();
    if (parent != null && !(node((SimPath) parent) instanceof Directory)) {
      throw new NoSuchFileException(path.toString());
    }
  }

  void delete(SimPath path) throws IOException {
    Node node = node(path);
    if (node == null) {
      throw new NoSuchFileException(path.toString());
    }
    if (node instanceof Directory && !list(path).isEmpty()) {
      throw new DirectoryNotEmptyException(path.toString());
    }
    change(Map.of(), Set.of(path.toAbsolutePath().toString()));
    if (node instanceof SimFile file) {
      file.onDeleted();
    }
  }

  void move(SimPath from, SimPath to) throws IOException {
    Node node = node(from);
    if (node == null) {
      throw new NoSuchFileException(from.toString());
    }
    requireParent(to);
    String source = from.toAbsolutePath().toString();
    String target = to.toAbsolutePath().toString();
    Map<String, Node> put = new TreeMap<>();
    Set<String> gone = new TreeSet<>();
    for (Map.Entry<String, Node> each : names.tailMap(source, true).entrySet()) {
      if (each.getKey().equals(source) || each.getKey().startsWith(source + "/")) {
        put.put(target + each.getKey().substring(source.length()), each.getValue());
        gone.add(each.getKey());
      } else if (!each.getKey().startsWith(source)) {
        break;
      }
    }
    change(put, gone);
  }

  List<SimPath> list(SimPath directory) throws IOException {
    if (!(node(directory) instanceof Directory)) {
      throw new NotDirectoryException(directory.toString());
    }
    String prefix = directory.toAbsolutePath() + "/";
    List<SimPath> found = new ArrayList<>();
    for (String name : names.tailMap(prefix, false).keySet()) {
      if (!name.startsWith(prefix)) {
        break;
      }
      String rest = name.substring(prefix.length());
      if (rest.indexOf('/') < 0) {
        found.add((SimPath) directory.resolve(rest));
      }
    }
    return found;
  }

  /** All changes of names so far are durable. */
  void syncNames() throws IOException {
    disk.onSync();
    unsynced.forEach(rename -> rename.apply(durableNames));
    unsynced.clear();
  }

  void onProcessEnded() {
    for (Node node : names.values()) {
      if (node instanceof SimFile file) {
        file.unlock();
      }
    }
  }

  void onPowerLost(Random random) {
    int kept = unsynced.isEmpty() ? 0 : random.nextInt(unsynced.size() + 1);
    unsynced.subList(0, kept).forEach(rename -> rename.apply(durableNames));
    unsynced.clear();
    names = new TreeMap<>(durableNames);
    for (Node node : names.values()) {
      if (node instanceof SimFile file) {
        file.onPowerLost(random);
      }
    }
  }

  boolean flipBit(Random random) {
    List<SimFile> objects = new ArrayList<>();
    for (Map.Entry<String, Node> each : names.entrySet()) {
      if (each.getKey().contains("/objects/")
          && each.getValue() instanceof SimFile file
          && file.size() > 0) {
        objects.add(file);
      }
    }
    return !objects.isEmpty() && objects.get(random.nextInt(objects.size())).flipBit(random);
  }

  // ---- FileSystem

  @Override
  public FileSystemProvider provider() {
    return provider;
  }

  @Override
  public void close() {}

  @Override
  public boolean isOpen() {
    return true;
  }

  @Override
  public boolean isReadOnly() {
    return false;
  }

  @Override
  public String getSeparator() {
    return "/";
  }

  @Override
  public Iterable<Path> getRootDirectories() {
    return List.of(path("/"));
  }

  @Override
  public Iterable<FileStore> getFileStores() {
    return List.of(store);
  }

  @Override
  public Set<String> supportedFileAttributeViews() {
    return Set.of("basic");
  }

  @Override
  public Path getPath(String first, String... more) {
    return path(more.length == 0 ? first : first + "/" + String.join("/", more));
  }

  @Override
  public PathMatcher getPathMatcher(String syntaxAndPattern) {
    throw new UnsupportedOperationException();
  }

  @Override
  public UserPrincipalLookupService getUserPrincipalLookupService() {
    throw new UnsupportedOperationException();
  }

  @Override
  public WatchService newWatchService() {
    throw new UnsupportedOperationException();
  }
}
