package io.lockstep.tools.check;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.HashObject;
import io.lockstep.wire.message.HashObjectReply;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ListObjects;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.StatObject;
import java.util.concurrent.TimeUnit;

/** Confined to its caller. One member of a replica set as the check asks it. */
final class MemberView {
  private static final long ASK_NS = TimeUnit.SECONDS.toNanos(30);

  private final int id;
  private final String address;
  private final long set;
  private final Peer peer;

  MemberView(int id, String address, long set, Peer peer) {
    this.id = id;
    this.address = address;
    this.set = set;
    this.peer = peer;
  }

  int id() {
    return id;
  }

  String address() {
    return address;
  }

  /** Checksums of the bytes on the disk of this member. */
  PendingReply hash(long inode, long offset, int blocks) {
    HashObject hash =
        HashObject.newBuilder()
            .setSet(set)
            .setInode(inode)
            .setOffset(offset)
            .setBlocks(blocks)
            .build();
    return PendingReply.of(peer, Request.newBuilder().setHashObject(hash).build(), ASK_NS);
  }

  /** The answer to {@link #hash}; an object that is not there has no size and no blocks. */
  HashObjectReply await(PendingReply pending) throws Outcome {
    Reply reply = pending.await();
    if (Replies.code(reply) == ErrorCode.NOT_FOUND) {
      return HashObjectReply.getDefaultInstance();
    }
    return named(reply).getHashObject();
  }

  ObjectState stat(long inode) throws Outcome {
    StatObject stat = StatObject.newBuilder().setSet(set).setInode(inode).build();
    Reply reply =
        PendingReply.of(peer, Request.newBuilder().setStatObject(stat).build(), ASK_NS).await();
    return Replies.code(reply) == ErrorCode.NOT_FOUND
        ? ObjectState.getDefaultInstance()
        : named(reply).getObjectState();
  }

  ListMarksReply objects(long cursor, int entriesMax) throws Outcome {
    ListObjects list =
        ListObjects.newBuilder().setSet(set).setCursor(cursor).setEntriesMax(entriesMax).build();
    return named(
            PendingReply.of(peer, Request.newBuilder().setListObjects(list).build(), ASK_NS)
                .await())
        .getListMarks();
  }

  /** Objects with marks of their own, or with a pending mark about that member. */
  ListMarksReply marks(long epoch, int aboutMember, long cursor) throws Outcome {
    ListMarks list =
        ListMarks.newBuilder()
            .setSet(set)
            .setEpoch(epoch)
            .setForMember(aboutMember)
            .setCursor(cursor)
            .build();
    return named(
            PendingReply.of(peer, Request.newBuilder().setListMarks(list).build(), ASK_NS).await())
        .getListMarks();
  }

  private Reply named(Reply reply) throws Outcome {
    if (!Replies.isOk(reply)) {
      throw new Outcome(
          Replies.code(reply),
          "member " + id + " (" + address + "): " + Replies.code(reply) + " " + reply.getMessage());
    }
    return reply;
  }
}
