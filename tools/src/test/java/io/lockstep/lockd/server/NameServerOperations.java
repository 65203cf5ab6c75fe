package io.lockstep.lockd.server;

import io.lockstep.core.Clock;
import io.lockstep.lockd.lease.NameLeases;
import io.lockstep.lockd.lease.NameLimits;
import io.lockstep.wire.Payload;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.GrantNames;
import io.lockstep.wire.message.NamesChanged;
import io.lockstep.wire.message.ReleaseNames;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.List;
import org.jetbrains.lincheck.datastructures.IntGen;
import org.jetbrains.lincheck.datastructures.Operation;
import org.jetbrains.lincheck.datastructures.Param;

/** One directory, two sessions that lease it and change it. */
@Param(name = "session", gen = IntGen.class, conf = "1:2")
public class NameServerOperations {
  private static final Clock STILL =
      new Clock() {
        @Override
        public long nowNs() {
          return 0;
        }

        @Override
        public long wallTimeNs() {
          return 0;
        }
      };

  private static final class Answer implements Responder {
    private volatile String code = "none";

    @Override
    public void reply(Reply reply, Payload payload) {
      code = Replies.code(reply).name();
    }

    @Override
    public PeerIdentity peer() {
      return null;
    }
  }

  private static final GrantNames[] GRANTS = {granting(0), granting(1), granting(2)};
  private static final NamesChanged[] CHANGES = {changing(0), changing(1), changing(2)};
  private static final Request[] RELEASES = {releasing(0), releasing(1), releasing(2)};

  private final NameServer server =
      new NameServer(
          new NameLeases(new NameLimits(0, 0, 1, 1, 1, 10, 10, 10)),
          new SizeOwners(),
          new Pushers(),
          STILL,
          stubborn -> {});

  public NameServerOperations() {
    server.onStarted(List.of());
  }

  private static GrantNames granting(long session) {
    return GrantNames.newBuilder().setSession(session).setDirectory(7).setLease(1).build();
  }

  private static NamesChanged changing(long session) {
    return NamesChanged.newBuilder().setSession(session).addDirectories(7).build();
  }

  private static Request releasing(long session) {
    ReleaseNames.Item item = ReleaseNames.Item.newBuilder().setDirectory(7).setLease(1).build();
    return Request.newBuilder()
        .setSession(session)
        .setReleaseNames(ReleaseNames.newBuilder().addLeases(item))
        .build();
  }

  @Operation
  public String grant(@Param(name = "session") int session) {
    Answer answer = new Answer();
    server.grant(GRANTS[session], answer);
    return answer.code;
  }

  @Operation
  public String change(@Param(name = "session") int session) {
    Answer answer = new Answer();
    server.changed(CHANGES[session], answer, 1);
    return answer.code;
  }

  @Operation
  public void release(@Param(name = "session") int session) {
    server.release(RELEASES[session], new Answer());
  }
}
