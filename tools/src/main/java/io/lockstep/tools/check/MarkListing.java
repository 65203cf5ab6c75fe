package io.lockstep.tools.check;

import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import io.lockstep.tools.cluster.AdminConnection;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ListSetInodes;
import io.lockstep.wire.message.ListSetInodesReply;
import io.lockstep.wire.message.MemberMessage;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.PendingMark;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetConfigMessage;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/**
 * Confined to its caller. Asks the members of a replica set which of their objects have marks: what
 * a post-op, a settler or a heal has still to do.
 */
public final class MarkListing {
  private static final long ASK_NS = TimeUnit.SECONDS.toNanos(30);

  private final AdminConnection connection;
  private final SetConfigMessage config;
  private final Map<Long, String> names = new HashMap<>();
  private final List<String> unasked = new ArrayList<>();

  public MarkListing(AdminConnection connection, SetConfigMessage config) {
    this.connection = connection;
    this.config = config;
  }

  /** In order of inode, then member; of all members that answer. */
  public List<MarkedObject> list() throws Outcome {
    List<MarkedObject> found = new ArrayList<>();
    for (MemberMessage member : config.getMembersList()) {
      if (member.getAddress().isEmpty()) {
        unasked.add("member " + member.getId() + " is away");
        continue;
      }
      MemberView view =
          new MemberView(
              member.getId(),
              member.getAddress(),
              config.getSet(),
              connection.peer(member.getAddress()));
      try {
        for (ObjectState state : marked(view).values()) {
          found.add(object(view, state));
        }
      } catch (Outcome e) {
        unasked.add(e.getMessage());
      }
    }
    found.sort(Comparator.comparingLong(MarkedObject::inode).thenComparing(MarkedObject::member));
    return found;
  }

  /** Members that did not answer, and why, in words. */
  public List<String> unasked() {
    return List.copyOf(unasked);
  }

  /** A member tells of pending marks about one other member at a time. */
  private Map<Long, ObjectState> marked(MemberView view) throws Outcome {
    Map<Long, ObjectState> marked = new TreeMap<>();
    for (MemberMessage about : config.getMembersList()) {
      long cursor = 0;
      boolean end = false;
      while (!end) {
        ListMarksReply page = view.marks(config.getEpoch(), about.getId(), cursor);
        for (ObjectState state : page.getObjectsList()) {
          cursor = state.getInode();
          marked.put(cursor, state);
        }
        end = page.getEnd() || page.getObjectsCount() == 0;
      }
    }
    return marked;
  }

  private MarkedObject object(MemberView view, ObjectState state) throws Outcome {
    Token token = Convert.token(state.getDirtyToken());
    return new MarkedObject(
        config.getSet(),
        view.id(),
        view.address(),
        state.getInode(),
        name(state.getInode()),
        state.getSize(),
        state.getDirty() ? token + " cycle " + state.getDirtyCycle() : null,
        state.getHalfRepaired(),
        state.getPendingList().stream().map(PendingMark::getMember).toList());
  }

  private String name(long inode) throws Outcome {
    String known = names.get(inode);
    if (known != null) {
      return known;
    }
    ListSetInodes list =
        ListSetInodes.newBuilder()
            .setSet(config.getSet())
            .setCursor(inode - 1)
            .setEntriesMax(1)
            .build();
    ListSetInodesReply page =
        connection
            .ask(Request.newBuilder().setListSetInodes(list).build(), ASK_NS)
            .getListSetInodes();
    boolean there = page.getRowsCount() > 0 && page.getRows(0).getAttributes().getInode() == inode;
    String name = there ? VolumeCheck.name(page.getRows(0)) : "inode " + inode + " (deleted)";
    names.put(inode, name);
    return name;
  }
}
