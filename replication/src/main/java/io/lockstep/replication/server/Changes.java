package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.server.RequestOperation.Call;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.wire.message.AllocateObject;
import io.lockstep.wire.message.Durability;
import io.lockstep.wire.message.PreOp;
import io.lockstep.wire.message.TruncateObject;
import io.lockstep.wire.message.WriteObject;

/** Immutable. The four changes of an object that a client asks for. */
final class Changes {
  private Changes() {}

  static DiskOperation write(Call call, WriteObject request, DaemonCounters counters) {
    return new ChangeOperation(call, request.getContext()) {
      private final int length = call.payload().sizeBytes();

      @Override
      boolean touchesData() {
        return length > 0;
      }

      @Override
      long bytesNeeded(StoredObject target) {
        return length;
      }

      @Override
      void checkArguments() throws Outcome {
        checkRange(request.getOffset(), length);
      }

      @Override
      void apply(StoredObject target) throws Outcome {
        take(taken -> taken.add(request.getOffset(), request.getOffset() + length));
        target.write(request.getOffset(), call.payload().buffers());
        counters.writes.increment();
        counters.writeBytes.add(length);
      }

      @Override
      Durability durability() {
        return request.getDurability();
      }
    };
  }

  static DiskOperation preOp(Call call, PreOp request) {
    return new ChangeOperation(call, request.getContext()) {
      @Override
      boolean touchesData() {
        return false;
      }

      @Override
      long bytesNeeded(StoredObject target) {
        return 0;
      }

      @Override
      void checkArguments() {}

      @Override
      void apply(StoredObject target) {}
    };
  }

  static DiskOperation truncate(Call call, TruncateObject request) {
    return new ChangeOperation(call, request.getContext()) {
      @Override
      boolean touchesData() {
        return true;
      }

      @Override
      long bytesNeeded(StoredObject target) {
        return 0;
      }

      @Override
      void checkArguments() throws Outcome {
        checkRange(request.getSize(), 0);
      }

      @Override
      void apply(StoredObject target) throws Outcome {
        take(taken -> taken.truncate(request.getSize()));
        target.truncate(request.getSize());
      }
    };
  }

  /**
   * fallocate. Blocks are not reserved, for which the JDK has no call: a later write can still find
   * the disk full. Punched and zeroed ranges are written with zeros where they are not zero.
   */
  static DiskOperation allocate(Call call, AllocateObject request) {
    return new ChangeOperation(call, request.getContext()) {
      private final boolean zeroes = request.getPunchHole() || request.getZeroRange();
      private final boolean extend = !request.getKeepSize() && !request.getPunchHole();

      @Override
      boolean touchesData() {
        return true;
      }

      @Override
      long bytesNeeded(StoredObject target) {
        long end = request.getOffset() + request.getLength();
        return request.getPunchHole() ? 0 : Math.max(0, end - target.sizeBytes());
      }

      @Override
      void checkArguments() throws Outcome {
        checkRange(request.getOffset(), request.getLength());
        if (request.getLength() == 0) {
          throw new Outcome(ErrorCode.INVALID_ARGUMENT, "nothing to allocate");
        }
      }

      @Override
      void apply(StoredObject target) throws Outcome {
        long end = request.getOffset() + request.getLength();
        if (zeroes) {
          take(taken -> taken.zero(request.getOffset(), end));
          target.zero(request.getOffset(), end);
        }
        if (extend) {
          take(taken -> taken.extend(end));
        }
        if (extend && end > target.sizeBytes()) {
          target.truncate(end);
        } else if (!target.exists()) {
          target.truncate(0);
        }
      }
    };
  }
}
