package io.lockstep.tools.repro;

import io.lockstep.core.Outcome;
import io.lockstep.replication.client.Descriptor;
import io.lockstep.replication.client.FileContent;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.SetAttributes;
import java.nio.ByteBuffer;

/** Any thread may call it. A file whose writes are counted, and delayed before they arrive. */
final class WatchedFile implements FileContent {
  private final FileContent file;
  private final Watch watch;

  WatchedFile(FileContent file, Watch watch) {
    this.file = file;
    this.watch = watch;
  }

  @Override
  public long write(long offset, ByteBuffer source, boolean sync, Descriptor descriptor)
      throws Outcome {
    watch.beginWrite();
    try {
      return file.write(offset, source, sync, descriptor);
    } finally {
      watch.endWrite();
    }
  }

  @Override
  public long inode() {
    return file.inode();
  }

  @Override
  public Descriptor newDescriptor(boolean direct) {
    return file.newDescriptor(direct);
  }

  @Override
  public int read(long offset, ByteBuffer target) throws Outcome {
    return file.read(offset, target);
  }

  @Override
  public Attributes truncate(long size, Caller caller) throws Outcome {
    return file.truncate(size, caller);
  }

  @Override
  public Attributes setAttributes(SetAttributes request, Descriptor descriptor) throws Outcome {
    return file.setAttributes(request, descriptor);
  }

  @Override
  public void allocate(
      long offset,
      long length,
      boolean keepSize,
      boolean punch,
      boolean zero,
      Descriptor descriptor)
      throws Outcome {
    file.allocate(offset, length, keepSize, punch, zero, descriptor);
  }

  @Override
  public void flush(Descriptor descriptor) throws Outcome {
    file.flush(descriptor);
  }

  @Override
  public void fsync(Descriptor descriptor, boolean times) throws Outcome {
    file.fsync(descriptor, times);
  }

  @Override
  public Attributes attributes(Attributes fromMaster) {
    return file.attributes(fromMaster);
  }

  @Override
  public void close(Descriptor descriptor) {
    file.close(descriptor);
  }
}
