package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.ListSetInodes;
import io.lockstep.wire.message.ListSetInodesReply;
import io.lockstep.wire.message.ReadDirectory;
import io.lockstep.wire.message.ReadDirectoryReply;
import io.lockstep.wire.message.ReadLink;
import io.lockstep.wire.message.ReadLinkReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Walk;
import io.lockstep.wire.message.WalkReply;

/** Confined to one query. Lookups and listings. */
final class Queries {
  /** A page ends before it is longer than this, so that its Reply stays below a frame's bound. */
  private static final int PAGE_BYTES_MAX = Limits.HEADER_BYTES_MAX / 2;

  private static final int PAGE_ENTRIES_MAX = 8192;
  private static final int PAGE_ENTRIES_DEFAULT = 1024;

  /** An upper bound for an entry or row without its name or path. */
  private static final int ENTRY_BYTES = 48;

  private static final int ATTRIBUTES_BYTES = 192;

  private final KvReader state;
  private final Rows rows;

  Queries(KvReader state) {
    this.state = state;
    this.rows = new Rows(state);
  }

  Reply getAttributes(GetAttributes asked) {
    Inode inode = rows.inode(asked.getInode());
    return inode == null ? Answers.refused(ErrorCode.NOT_FOUND) : Answers.attributes(inode);
  }

  Reply readLink(ReadLink asked) {
    Inode inode = rows.inode(asked.getInode());
    if (inode == null) {
      return Answers.refused(ErrorCode.NOT_FOUND);
    }
    if (inode.type() != FileType.SYMLINK) {
      return Answers.refused(ErrorCode.INVALID_ARGUMENT, "not a symbolic link");
    }
    return Reply.newBuilder()
        .setReadLink(ReadLinkReply.newBuilder().setTarget(inode.symlinkTarget()))
        .build();
  }

  Reply walk(Walk asked) {
    if (asked.getNamesCount() > Limits.WALK_NAMES_MAX) {
      return Answers.refused(ErrorCode.NAME_TOO_LONG, asked.getNamesCount() + " names in a walk");
    }
    WalkReply.Builder found = WalkReply.newBuilder();
    ErrorCode code = ErrorCode.OK;
    Inode here = rows.inode(asked.getInode());
    if (here == null) {
      code = ErrorCode.NOT_FOUND;
    }
    for (int i = 0; i < asked.getNamesCount() && code.isOk(); i++) {
      ByteString name = asked.getNames(i);
      code = checkStep(here, name);
      if (code.isOk()) {
        here = step(here, name);
        code = here == null ? ErrorCode.NOT_FOUND : ErrorCode.OK;
      }
      if (code.isOk()) {
        found.addFound(here.attributes());
      }
    }
    return Reply.newBuilder().setCode(code.number()).setWalk(found).build();
  }

  private static ErrorCode checkStep(Inode directory, ByteString name) {
    ErrorCode code = Answers.directory(directory);
    return code.isOk() ? Names.check(name) : code;
  }

  /** The inode that {@code name} leads to, or null. */
  private Inode step(Inode directory, ByteString name) {
    if (name.equals(Names.SELF)) {
      return directory;
    }
    if (name.equals(Names.PARENT)) {
      return directory.isDead() ? null : rows.inode(rows.parent(directory.id()));
    }
    Dentry dentry = rows.dentry(directory.id(), name);
    return dentry == null ? null : rows.inode(dentry.inode());
  }

  Reply readDirectory(ReadDirectory asked) {
    Inode directory = rows.inode(asked.getInode());
    ErrorCode code = Answers.directory(directory);
    if (code.isOk() && directory.isDead()) {
      code = ErrorCode.NOT_FOUND;
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    long cursor = asked.getCursor();
    Page page = new Page(asked.getEntriesMax());
    ReadDirectoryReply.Builder reply = ReadDirectoryReply.newBuilder();
    if (cursor >= 0 && cursor < KeyLayout.POSITION_END) {
      state.scan(
          KeyLayout.position(directory.id(), cursor + 1),
          KeyLayout.endOf(KeyLayout.positions(directory.id())),
          (key, value) -> {
            DirectoryEntry entry = entry(key, value, asked.getWithAttributes());
            boolean fits = page.take(entry.getSerializedSize() + ENTRY_BYTES);
            if (fits) {
              reply.addEntries(entry);
            }
            return fits;
          });
    }
    reply.setEnd(!page.isFull()).setParent(rows.parent(directory.id()));
    return Reply.newBuilder().setReadDirectory(reply).build();
  }

  private DirectoryEntry entry(byte[] key, byte[] value, boolean withAttributes) {
    Dentry dentry = Dentry.ofPosition(key, value);
    DirectoryEntry.Builder entry =
        DirectoryEntry.newBuilder()
            .setName(dentry.name())
            .setInode(dentry.inode())
            .setType(dentry.type())
            .setCursor(dentry.position());
    if (withAttributes) {
      entry.setAttributes(rows.inode(dentry.inode()).attributes());
    }
    return entry.build();
  }

  Reply listSetInodes(ListSetInodes asked) {
    Page page = new Page(asked.getEntriesMax());
    ListSetInodesReply.Builder reply = ListSetInodesReply.newBuilder();
    byte[] after = KeyLayout.after(KeyLayout.setIndex(asked.getSet(), asked.getCursor()));
    byte[] end = KeyLayout.endOf(KeyLayout.setIndexes(asked.getSet()));
    state.scan(
        after,
        end,
        (key, value) -> {
          Inode inode = rows.inode(KeyLayout.number(key, KeyLayout.SECOND_ID));
          ByteString path = rows.path(inode);
          boolean fits = page.take(ATTRIBUTES_BYTES + path.size());
          if (fits) {
            reply.addRows(
                ListSetInodesReply.Row.newBuilder()
                    .setAttributes(inode.attributes())
                    .setPath(path));
          }
          return fits;
        });
    reply.setEnd(!page.isFull());
    return Reply.newBuilder().setListSetInodes(reply).build();
  }

  /** Confined to one listing. Counts what goes into a page: always one, never too much. */
  private static final class Page {
    private final int entriesMax;
    private int entries;
    private int bytes;
    private boolean full;

    Page(int entriesAsked) {
      // An uint32 above 2^31 is negative here: as many as possible.
      int asked = entriesAsked == 0 ? PAGE_ENTRIES_DEFAULT : entriesAsked;
      entriesMax = asked < 0 ? PAGE_ENTRIES_MAX : Math.min(asked, PAGE_ENTRIES_MAX);
    }

    /** False: the page is full, this entry belongs to the next one. */
    boolean take(int entryBytes) {
      full = entries == entriesMax || (entries > 0 && bytes + entryBytes > PAGE_BYTES_MAX);
      if (!full) {
        entries++;
        bytes += entryBytes;
      }
      return !full;
    }

    boolean isFull() {
      return full;
    }
  }
}
