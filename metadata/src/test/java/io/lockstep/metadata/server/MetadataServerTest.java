package io.lockstep.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.Walk;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetadataServerTest {
  @TempDir Path directory;

  @Test
  void restartKeepsVolumesSessionsFilesAndAnswers() throws Exception {
    Request create;
    Reply first;
    SessionReply session;
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      master.createVolume("demo", 3);
      session = master.openSession("demo");
      create = master.create(session.getSession(), session.getRoot(), "a", false);
      first = master.ok(create);
    }
    try (MasterFixture master = new MasterFixture(directory, 3)) {
      assertThat(master.call(create)).isEqualTo(first);
      Reply walked =
          master.ok(
              Request.newBuilder()
                  .setSession(session.getSession())
                  .setWalk(
                      Walk.newBuilder()
                          .setInode(session.getRoot())
                          .addNames(ByteString.copyFromUtf8("a")))
                  .build());
      assertThat(walked.getWalk().getFound(0)).isEqualTo(first.getCreateInode().getAttributes());
    }
  }
}
