package io.lockstep.fs.vfs;

import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import java.nio.ByteBuffer;

/** Temporary. */
public interface FileContent {
  int read(long offset, ByteBuffer target) throws Outcome;

  long write(long offset, ByteBuffer source, boolean sync, Descriptor descriptor) throws Outcome;

  void truncate(long size, Caller caller) throws Outcome;

  void allocate(long offset, long length, boolean keepSize, boolean punch, boolean zero)
      throws Outcome;

  void flush(Descriptor descriptor) throws Outcome;

  void fsync(Descriptor descriptor) throws Outcome;

  Attributes attributes(Attributes fromMaster);

  void close(Descriptor descriptor);
}
