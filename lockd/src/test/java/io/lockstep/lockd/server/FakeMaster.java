package io.lockstep.lockd.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.AttributesReply;
import io.lockstep.wire.message.ClusterStatusReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionRow;
import io.lockstep.wire.message.StartLockdReply;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Confined to the thread of the test. A metadata server that says yes, unless it is told to say
 * something else or nothing.
 */
final class FakeMaster implements RequestHandler {
  final List<Request> asked = new ArrayList<>();
  private final Map<BodyCase, ErrorCode> refusals = new HashMap<>();
  private final Set<BodyCase> silent = EnumSet.noneOf(BodyCase.class);
  private final List<Long> sessions = new ArrayList<>();
  private final List<SessionRow> names = new ArrayList<>();
  private long term = 10;

  /** The session is of this process. */
  void name(long session, String host, int pid, String mountPoint) {
    names.add(
        SessionRow.newBuilder()
            .setSession(session)
            .setHost(host)
            .setPid(pid)
            .setMountPoint(mountPoint)
            .build());
  }

  void refuse(BodyCase kind, ErrorCode code) {
    refusals.put(kind, code);
  }

  void obey() {
    refusals.clear();
    silent.clear();
  }

  void ignore(BodyCase kind) {
    silent.add(kind);
  }

  void setTerm(long term, Long... openSessions) {
    this.term = term;
    sessions.clear();
    sessions.addAll(List.of(openSessions));
  }

  List<Request> asked(BodyCase kind) {
    return asked.stream().filter(request -> request.getBodyCase() == kind).toList();
  }

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    asked.add(request);
    BodyCase kind = request.getBodyCase();
    if (silent.contains(kind)) {
      return;
    }
    ErrorCode refusal = refusals.get(kind);
    if (refusal != null) {
      responder.fail(refusal, "as told");
      return;
    }
    switch (kind) {
      case START_LOCKD ->
          responder.reply(
              Reply.newBuilder()
                  .setStartLockd(
                      StartLockdReply.newBuilder().setTerm(term).addAllSessions(sessions))
                  .build());
      case GET_ATTRIBUTES ->
          responder.reply(
              Reply.newBuilder()
                  .setAttributes(
                      AttributesReply.newBuilder()
                          .setAttributes(
                              Attributes.newBuilder()
                                  .setInode(request.getGetAttributes().getInode())
                                  .setSet(3)
                                  .setVolume(1)
                                  .setSize(42)))
                  .build());
      case CLUSTER_STATUS ->
          responder.reply(
              Reply.newBuilder()
                  .setClusterStatus(ClusterStatusReply.newBuilder().addAllSessions(names))
                  .build());
      default -> responder.reply(Replies.OK);
    }
  }
}
