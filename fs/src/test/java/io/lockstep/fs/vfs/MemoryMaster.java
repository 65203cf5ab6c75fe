package io.lockstep.fs.vfs;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.MemoryKvStore;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.namespace.Stamp;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.AttributesReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.StatFilesystemReply;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Guarded by its own monitor. The real namespace over a store in memory, with what the master adds:
 * open files, and the end of those that have neither a name nor a descriptor.
 */
final class MemoryMaster implements MasterPort {
  static final long VOLUME = 7;
  static final long SET = 9;

  private final Namespace namespace = new Namespace();
  private final KvStore store = new MemoryKvStore();
  private final Set<Long> open = new HashSet<>();
  private final Map<BodyCase, Integer> asked = new EnumMap<>(BodyCase.class);
  private final long root;

  MemoryMaster() {
    try (KvStore.Batch batch = store.begin()) {
      root = namespace.createVolumeRoot(batch, VOLUME, stamp());
      batch.commit();
    }
  }

  private static Stamp stamp() {
    return new Stamp(SystemClock.INSTANCE.wallTimeNs(), SET);
  }

  long root() {
    return root;
  }

  synchronized Set<Long> open() {
    return Set.copyOf(open);
  }

  /** How many messages of a kind came so far. */
  synchronized int asked(BodyCase kind) {
    return asked.getOrDefault(kind, 0);
  }

  /** Null if there is no such inode any more. */
  synchronized Attributes attributes(long inode) {
    try (KvStore.Snapshot state = store.snapshot()) {
      return namespace.attributes(state, inode);
    }
  }

  @Override
  public Reply mutate(Request.Builder request, long timeoutNs) throws Outcome {
    return ask(request.build(), timeoutNs);
  }

  @Override
  public synchronized Reply ask(Request request, long timeoutNs) throws Outcome {
    asked.merge(request.getBodyCase(), 1, Integer::sum);
    return Replies.orThrow(answer(request));
  }

  private Reply answer(Request request) {
    if (Namespace.isMutation(request)) {
      return mutate(request);
    }
    return switch (request.getBodyCase()) {
      case OPEN_INODE -> open(request.getOpenInode().getInode());
      case CLOSE_INODES -> {
        open.removeAll(request.getCloseInodes().getInodesList());
        collect();
        yield Replies.OK;
      }
      case STAT_FILESYSTEM -> Reply.newBuilder().setStatFilesystem(statistics()).build();
      default -> {
        try (KvStore.Snapshot state = store.snapshot()) {
          yield namespace.query(state, request);
        }
      }
    };
  }

  private Reply open(long inode) {
    Attributes attributes = attributes(inode);
    if (attributes == null) {
      return Replies.failure(ErrorCode.NOT_FOUND, "no such inode");
    }
    open.add(inode);
    return Reply.newBuilder()
        .setAttributes(AttributesReply.newBuilder().setAttributes(attributes))
        .build();
  }

  private static StatFilesystemReply statistics() {
    return StatFilesystemReply.newBuilder()
        .setTotalBytes(1L << 40)
        .setFreeBytes(1L << 39)
        .setAvailableBytes(1L << 38)
        .setInodes(1000)
        .setInodesFree(1_000_000)
        .build();
  }

  private Reply mutate(Request request) {
    Reply reply;
    try (KvStore.Batch batch = store.begin()) {
      reply = namespace.apply(batch, request, stamp());
      batch.commit();
    }
    if (request.getCreateInode().getOpen() && Replies.isOk(reply)) {
      open.add(reply.getCreateInode().getAttributes().getInode());
    }
    collect();
    return reply;
  }

  private void collect() {
    List<Long> orphans;
    try (KvStore.Snapshot state = store.snapshot()) {
      orphans = new ArrayList<>(namespace.orphans(state, 0, 1000));
    }
    orphans.removeAll(open);
    if (!orphans.isEmpty()) {
      try (KvStore.Batch batch = store.begin()) {
        orphans.forEach(inode -> namespace.collect(batch, inode));
        batch.commit();
      }
    }
  }
}
