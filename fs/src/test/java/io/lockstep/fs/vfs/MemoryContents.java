package io.lockstep.fs.vfs;

import static java.nio.charset.StandardCharsets.US_ASCII;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.replication.client.Descriptor;
import io.lockstep.replication.client.FileContent;
import io.lockstep.replication.client.TestDescriptors;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.Timestamp;
import io.lockstep.wire.message.TokenMessage;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Guarded by the monitor of each file. Bytes of files in memory; sizes go to the master at once.
 */
public final class MemoryContents implements Contents {
  private static final ByteBuffer GATE = ByteBuffer.wrap("gate".getBytes(US_ASCII));
  private static final long GATE_WAIT_MS = 1_000;
  private static final int GATE_WAITS_MAX = 30;
  private static final long TIMEOUT_NS = 1_000_000_000L;
  private static final TokenMessage TOKEN =
      TokenMessage.newBuilder().setTerm(1).setSequence(1).build();

  private final MemoryMaster master;
  private final ConcurrentHashMap<Long, MemoryFile> files = new ConcurrentHashMap<>();

  MemoryContents(MemoryMaster master) {
    this.master = master;
  }

  @Override
  public FileContent open(Attributes attributes) {
    return files.computeIfAbsent(attributes.getInode(), MemoryFile::new);
  }

  @Override
  public Attributes overlay(Attributes fromMaster) {
    MemoryFile file = files.get(fromMaster.getInode());
    return file == null ? fromMaster : file.attributes(fromMaster);
  }

  private final class MemoryFile implements FileContent {
    private final long inode;
    private ByteBuffer bytes = ByteBuffer.allocateDirect(4096);
    private int size;

    MemoryFile(long inode) {
      this.inode = inode;
    }

    @Override
    public long inode() {
      return inode;
    }

    @Override
    public Descriptor newDescriptor(boolean direct) {
      return TestDescriptors.descriptor(direct);
    }

    /** A file that begins with this word is read when somebody has written another one there. */
    private void awaitGate() throws Outcome {
      try {
        for (int i = 0; bytes.slice(0, GATE.capacity()).equals(GATE); i++) {
          if (i == GATE_WAITS_MAX) {
            throw new Outcome(ErrorCode.TIMED_OUT, "nobody opened the gate");
          }
          wait(GATE_WAIT_MS);
        }
      } catch (InterruptedException e) {
        throw new Outcome(ErrorCode.CLOSING, "interrupted");
      }
    }

    @Override
    public synchronized int read(long offset, ByteBuffer target) throws Outcome {
      awaitGate();
      int count = (int) Math.max(0, Math.min(target.remaining(), size - offset));
      if (count > 0) {
        target.put(bytes.slice((int) offset, count));
      }
      return count;
    }

    @Override
    public synchronized long write(long offset, ByteBuffer source, boolean sync, Descriptor d)
        throws Outcome {
      long at = offset < 0 ? size : offset;
      int end = (int) at + source.remaining();
      grow(end);
      bytes.put((int) at, source, source.position(), source.remaining());
      notifyAll();
      size = Math.max(size, end);
      refresh();
      return at;
    }

    private void grow(int end) {
      if (end > bytes.capacity()) {
        ByteBuffer grown = ByteBuffer.allocateDirect(Math.max(end, 2 * bytes.capacity()));
        bytes.clear();
        grown.put(bytes);
        bytes = grown;
      }
    }

    /** What a post-op tells the master, here after each change. */
    private void refresh() throws Outcome {
      Timestamp now = Convert.timestamp(SystemClock.INSTANCE.wallTimeNs());
      RefreshInodes.Update update =
          RefreshInodes.Update.newBuilder()
              .setInode(inode)
              .setToken(TOKEN)
              .setSize(size)
              .setMtime(now)
              .setCtime(now)
              .build();
      RefreshInodes.Builder refresh = RefreshInodes.newBuilder().addUpdates(update);
      master.mutate(Request.newBuilder().setRefreshInodes(refresh), TIMEOUT_NS);
    }

    @Override
    public synchronized Attributes truncate(long newSize, Caller caller) throws Outcome {
      return setAttributes(
          SetAttributes.newBuilder().setInode(inode).setCaller(caller).setSize(newSize).build(),
          newDescriptor(false));
    }

    private void cut(int newSize) {
      grow(newSize);
      for (int i = Math.min(size, newSize); i < Math.max(size, newSize); i++) {
        bytes.put(i, (byte) 0);
      }
      size = newSize;
    }

    @Override
    public synchronized Attributes setAttributes(SetAttributes request, Descriptor d)
        throws Outcome {
      SetAttributes.Builder set = request.toBuilder();
      if (request.hasSize()) {
        cut((int) request.getSize());
        set.setToken(TOKEN);
      }
      return master
          .mutate(Request.newBuilder().setSetAttributes(set), TIMEOUT_NS)
          .getAttributes()
          .getAttributes();
    }

    @Override
    public synchronized void allocate(
        long offset, long length, boolean keepSize, boolean punch, boolean zero, Descriptor d)
        throws Outcome {
      int end = (int) (offset + length);
      grow(end);
      if (punch || zero) {
        for (int i = (int) offset; i < end; i++) {
          bytes.put(i, (byte) 0);
        }
      }
      if (!keepSize) {
        size = Math.max(size, end);
      }
      refresh();
    }

    @Override
    public void flush(Descriptor descriptor) {}

    @Override
    public void fsync(Descriptor descriptor, boolean times) {}

    @Override
    public synchronized Attributes attributes(Attributes fromMaster) {
      return fromMaster.toBuilder().setSize(size).build();
    }

    @Override
    public void close(Descriptor descriptor) {}
  }
}
