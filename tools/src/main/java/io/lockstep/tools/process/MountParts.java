package io.lockstep.tools.process;

import io.lockstep.core.Agent;
import io.lockstep.fs.vfs.Contents;
import io.lockstep.replication.client.LockSeam;
import io.lockstep.wire.Peer;

/**
 * Immutable. Where a reproduction puts something of its own into a mount. Production has one: the
 * methods as they stand here.
 */
public interface MountParts {
  MountParts PRODUCTION = new MountParts() {};

  default LockSeam lockSeam() {
    return LockSeam.PRODUCTION;
  }

  /** The way of the files to master and lockd. */
  default Peer master(Peer master, Agent agent) {
    return master;
  }

  default Contents contents(Contents contents) {
    return contents;
  }
}
