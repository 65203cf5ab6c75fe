package io.lockstep.metadata.namespace;

import io.lockstep.metadata.kv.KvReader;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.LinkInode;
import io.lockstep.wire.message.RenameEntry;
import io.lockstep.wire.message.RenameEntryReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Confined to one mutation that was executed. The directories whose leases it concerns (P14): those
 * whose entries or own attributes it changed, and the one that covers the attributes of a file.
 *
 * <p>A file with several links is covered by none of its directories, so a mutation of it concerns
 * none either, but for the step from one link to two.
 */
final class Touched {
  private final Rows rows;
  private final Set<Long> directories = new LinkedHashSet<>();

  private Touched(KvReader after) {
    this.rows = new Rows(after);
  }

  /**
   * The directories of an executed mutation.
   *
   * @param after a state that shows the mutation
   */
  static Set<Long> by(KvReader after, Request mutation, Reply reply) {
    Touched touched = new Touched(after);
    touched.collect(mutation, reply);
    return touched.directories;
  }

  /** The directory whose lease covers the attributes of this inode; empty if none does. */
  static Set<Long> covering(KvReader state, long inode) {
    Touched touched = new Touched(state);
    touched.attributes(touched.rows.inode(inode));
    return touched.directories;
  }

  private void collect(Request mutation, Reply reply) {
    switch (mutation.getBodyCase()) {
      case CREATE_INODE -> {
        if (reply.getCreateInode().getCreated()) {
          directories.add(mutation.getCreateInode().getParent());
        }
      }
      case REMOVE_ENTRY -> {
        directories.add(mutation.getRemoveEntry().getParent());
        directory(reply.getRemoveEntry().getAttributes());
      }
      case RENAME_ENTRY -> rename(mutation.getRenameEntry(), reply.getRenameEntry());
      case LINK_INODE -> link(mutation.getLinkInode(), reply.getAttributes().getAttributes());
      case SET_ATTRIBUTES -> attributes(rows.inode(mutation.getSetAttributes().getInode()));
      case SET_XATTR -> attributes(rows.inode(mutation.getSetXattr().getInode()));
      case REMOVE_XATTR -> attributes(rows.inode(mutation.getRemoveXattr().getInode()));
      default -> {
        // Sizes and times of who holds the file exclusively: nobody else may keep them.
      }
    }
  }

  private void rename(RenameEntry asked, RenameEntryReply reply) {
    directories.add(asked.getParent());
    directories.add(asked.getNewParent());
    directory(reply.getMoved());
    if (reply.hasReplaced()) {
      directory(reply.getReplaced());
    }
  }

  private void link(LinkInode asked, Attributes linked) {
    directories.add(asked.getNewParent());
    if (linked.getNlink() == 2) {
      directories.addAll(rows.parents(linked.getInode()));
    }
  }

  private void directory(Attributes attributes) {
    if (attributes.getType() == FileType.DIRECTORY) {
      directories.add(attributes.getInode());
    }
  }

  private void attributes(Inode inode) {
    if (inode == null) {
      return;
    }
    if (inode.isDirectory()) {
      directories.add(inode.id());
    } else if (inode.nlink() == 1) {
      directories.addAll(rows.parents(inode.id()));
    }
  }
}
