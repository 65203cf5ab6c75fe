package io.lockstep.simulation.disk;

import java.net.URI;
import java.nio.file.FileSystem;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.WatchEvent;
import java.nio.file.WatchKey;
import java.nio.file.WatchService;

/** Immutable. A name in the simulated filesystem; always absolute but for single names. */
final class SimPath implements Path {
  private final SimFileSystem system;
  private final String text;

  SimPath(SimFileSystem system, String text) {
    this.system = system;
    this.text = text;
  }

  SimFileSystem system() {
    return system;
  }

  @Override
  public FileSystem getFileSystem() {
    return system;
  }

  @Override
  public boolean isAbsolute() {
    return text.startsWith("/");
  }

  @Override
  public Path getRoot() {
    return isAbsolute() ? system.path("/") : null;
  }

  @Override
  public Path getFileName() {
    return text.equals("/") ? null : system.path(text.substring(text.lastIndexOf('/') + 1));
  }

  @Override
  public Path getParent() {
    int slash = text.lastIndexOf('/');
    if (slash < 0 || text.equals("/")) {
      return null;
    }
    return system.path(slash == 0 ? "/" : text.substring(0, slash));
  }

  private String[] names() {
    String bare = isAbsolute() ? text.substring(1) : text;
    return bare.isEmpty() ? new String[0] : bare.split("/", -1);
  }

  @Override
  public int getNameCount() {
    return names().length;
  }

  @Override
  public Path getName(int index) {
    return system.path(names()[index]);
  }

  @Override
  public Path subpath(int beginIndex, int endIndex) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean startsWith(Path other) {
    String prefix = other.toString();
    return text.equals(prefix) || text.startsWith(prefix.equals("/") ? prefix : prefix + "/");
  }

  @Override
  public boolean endsWith(Path other) {
    return text.equals(other.toString()) || text.endsWith("/" + other);
  }

  @Override
  public Path normalize() {
    return this;
  }

  @Override
  public Path resolve(Path other) {
    if (other.isAbsolute()) {
      return other;
    }
    return system.path(text.equals("/") ? "/" + other : text + "/" + other);
  }

  @Override
  public Path relativize(Path other) {
    String whole = other.toString();
    if (!whole.startsWith(text + "/")) {
      throw new IllegalArgumentException(other + " is not below " + this);
    }
    return system.path(whole.substring(text.length() + 1));
  }

  @Override
  public URI toUri() {
    return URI.create("sim:" + toAbsolutePath());
  }

  @Override
  public Path toAbsolutePath() {
    return isAbsolute() ? this : system.path("/" + text);
  }

  @Override
  public Path toRealPath(LinkOption... options) {
    return toAbsolutePath();
  }

  @Override
  public WatchKey register(
      WatchService watcher, WatchEvent.Kind<?>[] events, WatchEvent.Modifier... modifiers) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int compareTo(Path other) {
    return text.compareTo(other.toString());
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SimPath path && path.system == system && path.text.equals(text);
  }

  @Override
  public int hashCode() {
    return text.hashCode();
  }

  @Override
  public String toString() {
    return text;
  }
}
