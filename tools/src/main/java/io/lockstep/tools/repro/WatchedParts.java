package io.lockstep.tools.repro;

import io.lockstep.core.Agent;
import io.lockstep.fs.vfs.Contents;
import io.lockstep.replication.client.FileContent;
import io.lockstep.replication.client.LockSeam;
import io.lockstep.tools.process.MountParts;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Request;

/** Immutable. What a mount under observation has in place of the production parts. */
record WatchedParts(Watch watch) implements MountParts {
  @Override
  public LockSeam lockSeam() {
    return watch;
  }

  @Override
  public Peer master(Peer master, Agent agent) {
    return new LatePeer(master, agent, watch);
  }

  @Override
  public Contents contents(Contents contents) {
    return new Contents() {
      @Override
      public FileContent open(Attributes attributes) {
        return new WatchedFile(contents.open(attributes), watch);
      }

      @Override
      public Attributes overlay(Attributes fromMaster) {
        return contents.overlay(fromMaster);
      }
    };
  }

  /** Immutable. Requests for leases and releases are late. */
  private record LatePeer(Peer master, Agent agent, Watch watch) implements Peer {
    @Override
    public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
      long delayNs =
          switch (request.getBodyCase()) {
            case ACQUIRE_LEASE -> watch.draw(Delays.Point.LOCK);
            case RELEASE_LEASE, RELEASE_LEASES -> watch.draw(Delays.Point.UNLOCK);
            default -> 0;
          };
      if (delayNs == 0) {
        master.call(request, payload, timeoutNs, onReply);
      } else {
        agent.schedule(delayNs, () -> master.call(request, payload, timeoutNs, onReply));
      }
    }
  }
}
