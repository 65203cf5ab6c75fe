package io.lockstep.fs.vfs;

import io.lockstep.replication.client.FileContent;
import io.lockstep.replication.client.ReplicationClient;
import io.lockstep.wire.message.Attributes;

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
    };
  }

  /** The content of a regular file; counted, and given back by {@link FileContent#close}. */
  FileContent open(Attributes attributes);

  /** The attributes with the size and times of this mount, if it holds the file exclusively. */
  Attributes overlay(Attributes fromMaster);
}
