package io.lockstep.simulation;

import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.MemoryKvStore;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.namespace.Stamp;
import io.lockstep.wire.Payload;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.StartLockdReply;
import java.util.HashMap;
import java.util.Map;

/**
 * Confined to the thread of the test. The namespace over a store in memory, with the answers of
 * each session kept (P11), and the log entry that lockd's term comes from.
 */
final class SimMaster implements RequestHandler {
  static final long SET = 77;

  final long root;

  private final VirtualTime.Host host;
  private final KvStore store = new MemoryKvStore();
  private final Namespace namespace = new Namespace();
  private final Map<String, Reply> answers = new HashMap<>();
  private long repeated;

  SimMaster(VirtualTime.Host host) {
    this.host = host;
    try (KvStore.Batch batch = store.begin()) {
      root = namespace.createVolumeRoot(batch, 1, stamp());
      batch.commit();
    }
  }

  Attributes attributes(long inode) {
    try (KvStore.Snapshot state = store.snapshot()) {
      return namespace.attributes(state, inode);
    }
  }

  /** Mutations that came a second time and got their first answer. */
  long repeated() {
    return repeated;
  }

  private Stamp stamp() {
    return new Stamp(host.wallTimeNs(), SET);
  }

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    payload.release();
    switch (request.getBodyCase()) {
      case START_LOCKD ->
          responder.reply(
              Reply.newBuilder().setStartLockd(StartLockdReply.newBuilder().setTerm(1)).build());
      case SETTLE_ORPHANS -> responder.ok();
      default -> onNamespace(request, responder);
    }
  }

  private void onNamespace(Request request, Responder responder) {
    if (Namespace.isQuery(request)) {
      try (KvStore.Snapshot state = store.snapshot()) {
        responder.reply(namespace.query(state, request));
      }
      return;
    }
    if (!Namespace.isMutation(request)) {
      responder.fail(ErrorCode.BAD_REQUEST, "not simulated");
      return;
    }
    String id = request.getSession() + "." + request.getSequence();
    Reply first = answers.get(id);
    if (first != null) {
      repeated++;
      responder.reply(first);
      return;
    }
    try (KvStore.Batch batch = store.begin()) {
      Reply reply = namespace.apply(batch, request, stamp());
      batch.commit();
      answers.put(id, reply);
      responder.reply(reply);
    }
  }
}
