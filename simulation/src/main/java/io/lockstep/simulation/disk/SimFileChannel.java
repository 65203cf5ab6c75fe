package io.lockstep.simulation.disk;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;

/** Confined to the thread of the simulation. An open file, or an open directory (no file). */
final class SimFileChannel extends FileChannel {
  private final SimFileSystem system;
  private final SimFile file;
  private long position;

  SimFileChannel(SimFileSystem system, SimFile file) {
    this.system = system;
    this.file = file;
  }

  @Override
  public int read(ByteBuffer target) {
    int count = file.read(target, position);
    position += Math.max(0, count);
    return count;
  }

  @Override
  public long read(ByteBuffer[] targets, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int write(ByteBuffer source) throws IOException {
    int count = file.write(source, position);
    position += count;
    return count;
  }

  @Override
  public long write(ByteBuffer[] sources, int offset, int length) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long position() {
    return position;
  }

  @Override
  public FileChannel position(long newPosition) {
    position = newPosition;
    return this;
  }

  @Override
  public long size() {
    return file.size();
  }

  @Override
  public FileChannel truncate(long size) throws IOException {
    file.truncate(size);
    position = Math.min(position, size);
    return this;
  }

  @Override
  public void force(boolean metaData) throws IOException {
    if (file == null) {
      system.syncNames();
    } else {
      file.sync();
    }
  }

  @Override
  public long transferTo(long from, long count, WritableByteChannel target) {
    throw new UnsupportedOperationException();
  }

  @Override
  public long transferFrom(ReadableByteChannel source, long to, long count) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int read(ByteBuffer target, long at) {
    return file.read(target, at);
  }

  @Override
  public int write(ByteBuffer source, long at) throws IOException {
    return file.write(source, at);
  }

  @Override
  public MappedByteBuffer map(MapMode mode, long at, long size) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock lock(long at, long size, boolean shared) {
    throw new UnsupportedOperationException();
  }

  @Override
  public FileLock tryLock(long at, long size, boolean shared) {
    if (!file.tryLock()) {
      return null;
    }
    return new FileLock(this, at, size, shared) {
      @Override
      public boolean isValid() {
        return true;
      }

      @Override
      public void release() {
        file.unlock();
      }
    };
  }

  @Override
  protected void implCloseChannel() {}
}
