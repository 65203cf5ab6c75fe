package io.lockstep.tools.stress;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * Guarded by its own lock. One descriptor that many threads use at once, and that one of them may
 * close and open again, which is a flush of everything written through the mount.
 */
final class OpenFile implements AutoCloseable {
  /** Confined to its caller. Something to do with the descriptor. */
  interface Use {
    void with(FileChannel channel) throws IOException;
  }

  private final Path path;
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private FileChannel channel;

  OpenFile(Path path) throws IOException {
    this.path = path;
    this.channel = open(path);
  }

  static FileChannel open(Path path) throws IOException {
    return FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE);
  }

  void use(Use use) throws IOException {
    lock.readLock().lock();
    try {
      use.with(channel);
    } finally {
      lock.readLock().unlock();
    }
  }

  void reopen() throws IOException {
    lock.writeLock().lock();
    try {
      FileChannel old = channel;
      channel = open(path);
      old.close();
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  public void close() throws IOException {
    lock.writeLock().lock();
    try {
      channel.close();
    } finally {
      lock.writeLock().unlock();
    }
  }
}
