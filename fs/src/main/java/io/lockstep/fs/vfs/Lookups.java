package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.ReadDirectory;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Walk;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. Names and attributes: out of the cache where a directory lease covers them, else from
 * the master, with leases riding along. Size and times that this mount holds are laid over both.
 */
final class Lookups {
  private static final ByteString SELF = ByteString.copyFromUtf8(".");
  private static final ByteString PARENT = ByteString.copyFromUtf8("..");

  /** A page of a directory, and what is known of the listing with it. */
  record Page(ReadDirectoryReply entries, NameCache.@Nullable Listing listing) {}

  private final MasterCalls master;
  private final Contents contents;
  private final Names names;

  Lookups(MasterCalls master, Contents contents, Names names) {
    this.master = master;
    this.contents = contents;
    this.names = names;
  }

  Attributes lookup(long parent, ByteString name) throws Outcome {
    NameCache.Found known = names.lookup(parent, name);
    if (known != null && known.attributes() == null) {
      throw new Outcome(ErrorCode.NOT_FOUND, "no such name");
    }
    Attributes shown = known == null ? null : current(known.attributes());
    return shown == null ? walk(parent, name) : shown;
  }

  private Attributes walk(long parent, ByteString name) throws Outcome {
    boolean special = name.equals(SELF) || name.equals(PARENT);
    NameAsk ask = names.ask(special ? 0 : parent, !special);
    Walk.Builder walk = Walk.newBuilder().setInode(parent).addNames(name);
    Reply reply = names.send(master, ask, Request.newBuilder().setWalk(walk));
    boolean found = Replies.isOk(reply) && reply.getWalk().getFoundCount() == 1;
    boolean absent = Replies.code(reply) == ErrorCode.NOT_FOUND;
    if (!special && (found || absent)) {
      Attributes attributes = found ? reply.getWalk().getFound(0) : null;
      names.cache().onWalked(ask, name, attributes, reply.getNames());
      names.release();
    } else {
      names.cache().onNothing(ask);
    }
    Replies.orThrow(reply);
    if (!found) {
      throw new Outcome(ErrorCode.NOT_FOUND, "no such name");
    }
    return contents.overlay(reply.getWalk().getFound(0));
  }

  Attributes attributes(long inode) throws Outcome {
    Attributes known = names.attributes(inode);
    Attributes shown = known == null ? null : current(known);
    if (shown != null) {
      return shown;
    }
    NameAsk ask = names.askAttributes(inode);
    GetAttributes.Builder get = GetAttributes.newBuilder().setInode(inode);
    Reply reply = names.send(master, ask, Request.newBuilder().setGetAttributes(get));
    if (Replies.isOk(reply)) {
      names.cache().onAttributes(ask, reply.getAttributes().getAttributes(), reply.getNames());
      names.release();
    } else {
      names.cache().onNothing(ask);
    }
    return contents.overlay(Replies.orThrow(reply).getAttributes().getAttributes());
  }

  /**
   * Null if they are not what is known any more: what this mount had written may have left for the
   * master between the two looks.
   */
  private @Nullable Attributes current(Attributes known) {
    Attributes shown = contents.overlay(known);
    return names.isCurrent(known) ? shown : null;
  }

  /**
   * The entries behind {@code cursor}, with attributes, so that whoever lists and then looks at
   * each asks once.
   */
  Page list(long inode, long cursor, int entriesMax, NameCache.@Nullable Listing soFar)
      throws Outcome {
    NameAsk ask = names.ask(inode, false);
    ReadDirectory.Builder read =
        ReadDirectory.newBuilder()
            .setInode(inode)
            .setCursor(cursor)
            .setEntriesMax(entriesMax)
            .setWithAttributes(true);
    Reply reply = names.send(master, ask, Request.newBuilder().setReadDirectory(read));
    if (!Replies.isOk(reply)) {
      names.cache().onNothing(ask);
      Replies.orThrow(reply);
    }
    ReadDirectoryReply page = reply.getReadDirectory();
    NameCache.Listing listing = names.cache().onListed(ask, soFar, cursor, page, reply.getNames());
    names.release();
    return new Page(page, listing);
  }
}
