package io.lockstep.replication.store;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by its own counter: an open file that its table and syncs in progress hold; closed when
 * the last lets go.
 */
final class ObjectFile {
  private final @Nullable RandomAccessFile file;
  private final FileChannel channel;
  private final AtomicInteger holders = new AtomicInteger(1);

  private ObjectFile(@Nullable RandomAccessFile file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /** Opens it, making it if it is not there. */
  static ObjectFile open(Path path) throws IOException {
    if (path.getFileSystem() != FileSystems.getDefault()) {
      // A filesystem inside this process, as the simulator's: only the machine's has such files.
      return new ObjectFile(
          null,
          FileChannel.open(
              path, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE));
    }
    RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
    return new ObjectFile(file, file.getChannel());
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
    long before = channel.size();
    if (file != null) {
      file.setLength(size);
    } else if (size < before) {
      channel.truncate(size);
    } else if (size > before) {
      write(ByteBuffer.allocate(1), size - 1);
    }
  }

  /** Data and size are durable at return; with {@code times} also when it was changed. */
  void sync(boolean times) throws IOException {
    channel.force(times);
  }

  ObjectFile hold() {
    holders.incrementAndGet();
    return this;
  }

  void letGo() {
    if (holders.decrementAndGet() == 0) {
      try {
        channel.close();
      } catch (IOException e) {
        // What was written is made durable, and its failure found, by sync before.
      }
    }
  }
}
