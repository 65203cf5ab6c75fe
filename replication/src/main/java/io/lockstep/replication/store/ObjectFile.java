package io.lockstep.replication.store;

import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Guarded by its own counter: an open file that its table and syncs in progress hold; closed when
 * the last lets go.
 */
final class ObjectFile {
  private final Path path;
  private final RandomAccessFile file;
  private final FileChannel channel;
  private final AtomicInteger holders = new AtomicInteger(1);

  private ObjectFile(Path path, RandomAccessFile file) {
    this.path = path;
    this.file = file;
    this.channel = file.getChannel();
  }

  /** Opens it, making it if it is not there. */
  static ObjectFile open(Path path) throws IOException {
    File name = path.toFile();
    return new ObjectFile(path, new RandomAccessFile(name, "rw"));
  }

  long size() throws IOException {
    return channel.size();
  }

  void write(ByteBuffer bytes, long offset) throws IOException {
    long at = offset;
    while (bytes.hasRemaining()) {
      at += channel.write(bytes, at);
    }
  }

  /** Reads what comes at once; negative at the end. */
  int readSome(ByteBuffer target, long offset) throws IOException {
    return channel.read(target, offset);
  }

  /** Reads until the buffer is full or the file ends. */
  void read(ByteBuffer target, long offset) throws IOException {
    long at = offset;
    while (target.hasRemaining()) {
      int count = channel.read(target, at);
      if (count < 0) {
        return;
      }
      at += count;
    }
  }

  /** Cuts, or extends with a hole. */
  void truncate(long size) throws IOException {
    file.setLength(size);
  }

  /** Data and size are durable at return; with {@code entry} also that the file exists. */
  void sync(boolean entry) throws IOException {
    channel.force(false);
    if (entry) {
      DurableFiles.syncDirectory(path.getParent());
    }
  }

  ObjectFile hold() {
    holders.incrementAndGet();
    return this;
  }

  void letGo() {
    if (holders.decrementAndGet() == 0) {
      try {
        file.close();
      } catch (IOException e) {
        // What was written is made durable, and its failure found, by sync before.
      }
    }
  }
}
