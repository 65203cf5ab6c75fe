package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.CreateInode;
import io.lockstep.wire.message.CreateInodeReply;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.LinkInode;
import io.lockstep.wire.message.Reply;

/** Confined to one mutation. New names: of new inodes, and of inodes that have one already. */
final class Creation {
  /** mkdir(2) on Linux takes no setuid or setgid from its caller; a parent hands setgid down. */
  private static final int DIRECTORY_MODE_MASK = 01777;

  private static final int SYMLINK_MODE = 0777;

  private final Change change;

  Creation(Change change) {
    this.change = change;
  }

  Reply create(CreateInode asked, long set) {
    FileType type = asked.getType();
    if (type == FileType.FILE_TYPE_UNKNOWN || type == FileType.UNRECOGNIZED) {
      return Answers.refused(ErrorCode.BAD_REQUEST, "no file type " + asked.getTypeValue());
    }
    ErrorCode code = type == FileType.SYMLINK ? checkTarget(asked) : ErrorCode.OK;
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    Inode parent = change.inode(asked.getParent());
    ByteString name = asked.getName();
    code = checkNewName(parent, name);
    if (code == ErrorCode.EXISTS && asked.getExistingOk() && !Names.isSpecial(name)) {
      return existing(change.dentry(parent, name));
    }
    if (code.isOk()) {
      code = checkMayMake(asked, set);
    }
    long position = code.isOk() ? parent.nextPosition() : 0;
    if (code.isOk() && position == 0) {
      code = ErrorCode.NO_SPACE;
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    Inode made = make(asked, parent, set);
    change.addEntry(parent, name, made, position);
    return answer(made, true);
  }

  Reply link(LinkInode asked) {
    Inode inode = change.inode(asked.getInode());
    Inode parent = change.inode(asked.getNewParent());
    ErrorCode code = inode == null ? ErrorCode.NOT_FOUND : ErrorCode.OK;
    if (code.isOk()) {
      code = checkNewName(parent, asked.getNewName());
    }
    if (code.isOk()) {
      code = checkMayLink(inode, parent);
    }
    long position = code.isOk() ? parent.nextPosition() : 0;
    if (code.isOk() && position == 0) {
      code = ErrorCode.NO_SPACE;
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    change.addEntry(parent, asked.getNewName(), inode, position);
    inode.setNlink(inode.nlink() + 1);
    inode.changedAt(change.now());
    return Answers.attributes(inode);
  }

  private static ErrorCode checkTarget(CreateInode asked) {
    ByteString target = asked.getSymlinkTarget();
    if (target.isEmpty()) {
      return ErrorCode.NOT_FOUND;
    }
    if (target.size() > Limits.PATH_BYTES_MAX) {
      return ErrorCode.NAME_TOO_LONG;
    }
    return Names.contains(target, '\0') ? ErrorCode.BAD_REQUEST : ErrorCode.OK;
  }

  /** OK if the name can be made in this directory. */
  private ErrorCode checkNewName(Inode parent, ByteString name) {
    ErrorCode code = Answers.directory(parent);
    if (code.isOk()) {
      code = Names.check(name);
    }
    if (!code.isOk()) {
      return code;
    }
    if (Names.isSpecial(name) || change.dentry(parent, name) != null) {
      return ErrorCode.EXISTS;
    }
    return parent.isDead() ? ErrorCode.NOT_FOUND : ErrorCode.OK;
  }

  private static ErrorCode checkMayMake(CreateInode asked, long set) {
    boolean device = isDevice(asked.getType());
    if (device && !Rights.isRoot(asked.getCaller())) {
      return ErrorCode.NOT_PERMITTED;
    }
    boolean noSet = asked.getType() == FileType.REGULAR && set == 0;
    return noSet ? ErrorCode.NO_SPACE : ErrorCode.OK;
  }

  private static boolean isDevice(FileType type) {
    return type == FileType.CHARACTER_DEVICE || type == FileType.BLOCK_DEVICE;
  }

  private static ErrorCode checkMayLink(Inode inode, Inode parent) {
    if (inode.volume() != parent.volume()) {
      return ErrorCode.CROSS_DEVICE;
    }
    if (inode.isDirectory()) {
      return ErrorCode.NOT_PERMITTED;
    }
    if (inode.isDead()) {
      return ErrorCode.NOT_FOUND;
    }
    return inode.nlink() >= Limits.LINKS_MAX ? ErrorCode.TOO_MANY_LINKS : ErrorCode.OK;
  }

  /** The answer to a creation that takes what is there, if it is a regular file. */
  private Reply existing(Dentry dentry) {
    return dentry.type() == FileType.REGULAR
        ? answer(change.inode(dentry.inode()), false)
        : Answers.refused(ErrorCode.EXISTS);
  }

  private Inode make(CreateInode asked, Inode parent, long set) {
    Caller caller = asked.getCaller();
    FileType type = asked.getType();
    boolean inherits = (parent.mode() & Inode.SETGID) != 0;
    Inode made = change.create(parent.volume(), type);
    Attributes.Builder attributes =
        made.change()
            .setUid(caller.getUid())
            .setGid(inherits ? parent.gid() : caller.getGid())
            .setMode(modeOf(asked, parent, inherits));
    switch (type) {
      case DIRECTORY -> {}
      case SYMLINK -> made.setSymlinkTarget(asked.getSymlinkTarget());
      case REGULAR -> {
        attributes.setSet(set);
        change.transaction().put(KeyLayout.setIndex(set, made.id()), KeyLayout.NOTHING);
      }
      default -> attributes.setRdev(isDevice(type) ? asked.getRdev() : 0);
    }
    return made;
  }

  private static int modeOf(CreateInode asked, Inode parent, boolean inherits) {
    switch (asked.getType()) {
      case SYMLINK -> {
        return SYMLINK_MODE;
      }
      case DIRECTORY -> {
        return (asked.getMode() & DIRECTORY_MODE_MASK) | (inherits ? Inode.SETGID : 0);
      }
      default -> {
        int mode = asked.getMode() & Inode.MODE_MASK;
        int both = Inode.SETGID | Inode.GROUP_EXECUTE;
        boolean foreign =
            inherits
                && !Rights.isRoot(asked.getCaller())
                && !Rights.isInGroup(asked.getCaller(), parent.gid());
        return foreign && (mode & both) == both ? mode & ~Inode.SETGID : mode;
      }
    }
  }

  private static Reply answer(Inode inode, boolean created) {
    return Reply.newBuilder()
        .setCreateInode(
            CreateInodeReply.newBuilder().setAttributes(inode.attributes()).setCreated(created))
        .build();
  }
}
