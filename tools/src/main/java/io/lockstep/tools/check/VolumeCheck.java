package io.lockstep.tools.check;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.MemberMode;
import io.lockstep.core.Outcome;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ListSetInodes;
import io.lockstep.wire.message.ListSetInodesReply;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.VolumeRow;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Confined to its caller. Compares the objects of all members of each replica set with each other,
 * and with the namespace, while the volume is in use: whatever differs is looked at once more under
 * a shared lease, so that a write on its way is not taken for damage.
 */
public final class VolumeCheck {
  private static final long ASK_NS = TimeUnit.SECONDS.toNanos(30);
  private static final int PAGE_ENTRIES = 500;
  private static final int STRAY_TRIES = 20;
  private static final long STRAY_PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(500);

  private final AdminConnection connection;
  private final SharedLeases leases;
  private final CheckProgress progress;
  private final long strayPauseNs;

  public VolumeCheck(AdminConnection connection, SharedLeases leases, CheckProgress progress) {
    this(connection, leases, progress, STRAY_PAUSE_NS);
  }

  /**
   * @param strayPauseNs between two looks at an object that no file has
   */
  VolumeCheck(
      AdminConnection connection, SharedLeases leases, CheckProgress progress, long strayPauseNs) {
    this.strayPauseNs = strayPauseNs;
    this.connection = connection;
    this.leases = leases;
    this.progress = progress;
  }

  /** One verdict for each replica set of the volume. */
  public List<SetVerdict> run(VolumeRow volume) throws Outcome {
    List<SetVerdict> verdicts = new ArrayList<>();
    for (SetConfigMessage config : volume.getSetsList()) {
      progress.onSet(config.getSet(), volume.getInodes());
      verdicts.add(new OneSet(config).run());
      progress.onSetEnd();
    }
    return verdicts;
  }

  /** Confined to the caller of the check. The state of checking one replica set. */
  private final class OneSet {
    private final long set;
    private final List<MemberView> members = new ArrayList<>();
    private final List<Difference> differences = new ArrayList<>();
    private final List<String> skipped = new ArrayList<>();
    private long files;
    private long bytes;

    OneSet(SetConfigMessage config) {
      this.set = config.getSet();
      for (MemberMessage member : config.getMembersList()) {
        MemberMode mode = MemberMode.ofNumber(member.getMode());
        if (mode != MemberMode.RW) {
          skipped.add(
              "member "
                  + member.getId()
                  + " is "
                  + (mode == null ? "unknown" : mode.name())
                  + ", not RW: what it holds was not compared");
        } else if (member.getAddress().isEmpty()) {
          skipped.add("member " + member.getId() + " is away: what it holds was not compared");
        } else {
          members.add(
              new MemberView(
                  member.getId(), member.getAddress(), set, connection.peer(member.getAddress())));
        }
      }
    }

    SetVerdict run() throws Outcome {
      if (members.size() < 2) {
        skipped.add(members.size() + " members can be compared, 2 are needed");
      }
      if (!members.isEmpty()) {
        compareFiles();
        for (MemberView member : members) {
          findStrays(member);
        }
      }
      SetVerdict.Verdict verdict = SetVerdict.Verdict.EQUAL;
      if (!differences.isEmpty()) {
        verdict = SetVerdict.Verdict.DIFFERENT;
      } else if (!skipped.isEmpty()) {
        verdict = SetVerdict.Verdict.INCOMPLETE;
      }
      return new SetVerdict(
          set,
          members.stream().map(m -> m.id() + "@" + m.address()).toList(),
          files,
          bytes,
          verdict,
          List.copyOf(differences),
          List.copyOf(skipped));
    }

    private void compareFiles() throws Outcome {
      long cursor = 0;
      boolean end = false;
      while (!end) {
        ListSetInodesReply page = inodes(cursor);
        for (ListSetInodesReply.Row row : page.getRowsList()) {
          cursor = row.getAttributes().getInode();
          compareFile(row.getAttributes(), name(row));
        }
        end = page.getEnd() || page.getRowsCount() == 0;
      }
    }

    private ListSetInodesReply inodes(long cursor) throws Outcome {
      ListSetInodes list =
          ListSetInodes.newBuilder()
              .setSet(set)
              .setCursor(cursor)
              .setEntriesMax(PAGE_ENTRIES)
              .build();
      return connection
          .ask(Request.newBuilder().setListSetInodes(list).build(), ASK_NS)
          .getListSetInodes();
    }

    private void compareFile(Attributes attributes, String name) throws Outcome {
      long inode = attributes.getInode();
      files++;
      try {
        List<Difference> found =
            new FileComparison(set, members, inode, name).run(attributes.getSize());
        if (!found.isEmpty()) {
          found = underLease(inode, name);
        }
        differences.addAll(found);
        bytes += attributes.getSize();
      } catch (Outcome e) {
        skipped.add(name + ": " + e.getMessage());
      }
      progress.onFile(attributes.getSize());
    }

    /** Once more with nobody writing: what differs now is a difference. */
    private List<Difference> underLease(long inode, String name) throws Outcome {
      try {
        return leases.under(
            inode,
            set,
            attributes -> new FileComparison(set, members, inode, name).run(attributes.getSize()));
      } catch (Outcome e) {
        if (e.code() == ErrorCode.NOT_FOUND || e.code() == ErrorCode.STALE_HANDLE) {
          // Deleted meanwhile.
          return List.of();
        }
        throw e;
      }
    }

    /** Objects that no file has: left behind by a deletion, or put there by somebody else. */
    private void findStrays(MemberView member) throws Outcome {
      long cursor = 0;
      boolean end = false;
      while (!end) {
        ListMarksReply page;
        try {
          page = member.objects(cursor, PAGE_ENTRIES);
        } catch (Outcome e) {
          skipped.add("objects without a file: " + e.getMessage());
          return;
        }
        for (ObjectState object : page.getObjectsList()) {
          cursor = object.getInode();
          if (object.getExists() && !object.getTombstone() && isStray(member, object.getInode())) {
            differences.add(
                new Difference(
                    set,
                    member.id(),
                    member.address(),
                    "inode " + object.getInode(),
                    -1,
                    0,
                    "an object of " + object.getSize() + " bytes that no file has"));
          }
        }
        end = page.getEnd() || page.getObjectsCount() == 0;
      }
    }

    /**
     * A file that was just made or is being deleted is no stray: it is asked again for some time.
     */
    private boolean isStray(MemberView member, long inode) throws Outcome {
      for (int attempt = 0; attempt < STRAY_TRIES; attempt++) {
        if (hasInode(inode)) {
          return false;
        }
        ObjectState now = member.stat(inode);
        if (!now.getExists() || now.getTombstone()) {
          return false;
        }
        LockSupport.parkNanos(strayPauseNs);
      }
      return true;
    }

    private boolean hasInode(long inode) throws Outcome {
      try {
        GetAttributes get = GetAttributes.newBuilder().setInode(inode).build();
        connection.ask(Request.newBuilder().setGetAttributes(get).build(), ASK_NS);
        return true;
      } catch (Outcome e) {
        if (e.code() == ErrorCode.NOT_FOUND || e.code() == ErrorCode.STALE_HANDLE) {
          return false;
        }
        throw e;
      }
    }
  }

  /** Path of the file in the volume, for people. */
  static String name(ListSetInodesReply.Row row) {
    ByteString path = row.getPath();
    return path.isEmpty()
        ? "inode " + row.getAttributes().getInode() + " (no name any more)"
        : path.toStringUtf8();
  }
}
