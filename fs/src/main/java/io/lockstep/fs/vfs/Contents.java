package io.lockstep.fs.vfs;

import io.lockstep.replication.client.FileContent;
import io.lockstep.replication.client.LeaseProposal;
import io.lockstep.replication.client.ReplicationClient;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import org.jspecify.annotations.Nullable;

/** The port to the bytes of files. Any thread may call. */
public interface Contents {
  /** The port to real replicas. */
  static Contents over(ReplicationClient client) {
    return new Contents() {
      @Override
      public FileContent open(Attributes attributes) {
        return client.open(attributes);
      }

      @Override
      public Attributes overlay(Attributes fromMaster) {
        return client.overlay(fromMaster);
      }

      @Override
      public @Nullable LeaseProposal propose(long inode, LeaseMode mode) {
        return client.propose(inode, mode);
      }

      @Override
      public void withdraw(LeaseProposal proposal) {
        client.withdraw(proposal);
      }

      @Override
      public FileContent open(Attributes attributes, LeaseProposal proposal, LeaseGrant grant) {
        return client.open(attributes, proposal, grant);
      }
    };
  }

  /**
   * A lease to propose with the request that makes or opens a file, or null. It is ended by {@link
   * #open(Attributes, LeaseProposal, LeaseGrant)} or {@link #withdraw}.
   *
   * @param inode 0 = it is to be made
   */
  default @Nullable LeaseProposal propose(long inode, LeaseMode mode) {
    return null;
  }

  /** The request has failed. */
  default void withdraw(LeaseProposal proposal) {}

  /** As {@link #open(Attributes)}, with the lease that came along, if one did. */
  default FileContent open(Attributes attributes, LeaseProposal proposal, LeaseGrant grant) {
    return open(attributes);
  }

  /** The content of a regular file; counted, and given back by {@link FileContent#close}. */
  FileContent open(Attributes attributes);

  /** The attributes with the size and times of this mount, if it holds the file exclusively. */
  Attributes overlay(Attributes fromMaster);
}
