package io.lockstep.simulation;

import io.lockstep.core.SetConfig;
import io.lockstep.simulation.cluster.Cluster;
import io.lockstep.simulation.cluster.MasterNode;
import io.lockstep.simulation.cluster.MountNode;
import io.lockstep.simulation.cluster.StorageNode;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.HashObject;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.ListLeases;
import io.lockstep.wire.message.ListMarks;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ListObjects;
import io.lockstep.wire.message.ObjectState;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Confined to the thread of the simulation. What must be true at rest: after everybody has let go
 * there is no lease, no mark, and every replica has the same bytes.
 */
final class Convergence {
  /** A call that was lost fails its member when it times out, which then may wait a minute. */
  private static final long REST_SECONDS = 120;

  private static final int BLOCKS = 4096;

  private final Cluster cluster;
  private final List<String> problems = new ArrayList<>();

  Convergence(Cluster cluster) {
    this.cluster = cluster;
  }

  List<String> problems() {
    for (MountNode mount : cluster.mounts()) {
      mount.fibers().start(mount.host(), "unmount", mount::unmount);
    }
    cluster.await(
        "all mounts to end",
        REST_SECONDS,
        () -> cluster.mounts().stream().noneMatch(mount -> mount.host().isUp()));
    long[] left = {-1};
    cluster.await(
        "the last mark and lease to go",
        REST_SECONDS,
        () -> {
          if (left[0] < 0 || cluster.time().nowNs() - left[0] > 1_000_000_000L) {
            left[0] = cluster.time().nowNs();
            problems.clear();
            look();
            return problems.isEmpty() || cluster.time().nowNs() > restEndNs;
          }
          return false;
        });
    return problems;
  }

  private long restEndNs = Long.MAX_VALUE;

  private void look() {
    restEndNs =
        restEndNs == Long.MAX_VALUE
            ? cluster.time().nowNs() + (REST_SECONDS - 10) * 1_000_000_000L
            : restEndNs;
    leases();
    marks();
    bytes();
  }

  private void leases() {
    Request list = Request.newBuilder().setListLeases(ListLeases.getDefaultInstance()).build();
    for (LeaseRow row : ask(MasterNode.ADDRESS, list).getListLeases().getRowsList()) {
      problems.add("lease without a holder: " + row);
    }
  }

  private void marks() {
    SetConfig config = cluster.master().config();
    for (StorageNode node : cluster.storages()) {
      for (int member = 0; member <= config.members().size(); member++) {
        ListMarks list =
            ListMarks.newBuilder()
                .setSet(config.set())
                .setEpoch(config.epoch())
                .setForMember(member)
                .setEntriesMax(100)
                .build();
        ListMarksReply reply =
            ask(node.address(), Request.newBuilder().setListMarks(list).build()).getListMarks();
        for (ObjectState state : reply.getObjectsList()) {
          problems.add("mark left on " + node.host().name() + ": " + state);
        }
      }
    }
  }

  private void bytes() {
    SetConfig config = cluster.master().config();
    Map<String, String> first = new TreeMap<>();
    for (StorageNode node : cluster.storages()) {
      ListObjects list = ListObjects.newBuilder().setSet(config.set()).setEntriesMax(1000).build();
      Reply reply = ask(node.address(), Request.newBuilder().setListObjects(list).build());
      Map<String, String> found = new TreeMap<>();
      for (ObjectState state : reply.getListMarks().getObjectsList()) {
        HashObject hash =
            HashObject.newBuilder()
                .setSet(config.set())
                .setInode(state.getInode())
                .setBlocks(BLOCKS)
                .build();
        Reply hashed = ask(node.address(), Request.newBuilder().setHashObject(hash).build());
        if (hashed.getHashObject().getSize() == 0) {
          // A seal makes an empty object for its token, on those who heard it: no bytes, no loss.
          continue;
        }
        found.put(
            Long.toHexString(state.getInode()),
            hashed.getHashObject().getSize()
                + " bytes, CRCs "
                + java.util.HexFormat.of()
                    .formatHex(hashed.getHashObject().getCrcs().toByteArray()));
      }
      if (node == cluster.storages().get(0)) {
        first.putAll(found);
      } else if (!first.equals(found)) {
        problems.add(
            "replicas differ: storage1 has " + first + ", " + node.host().name() + " " + found);
      }
    }
  }

  private Reply ask(String address, Request request) {
    Reply[] answer = new Reply[1];
    cluster.ask(address, request, reply -> answer[0] = reply);
    while (answer[0] == null && cluster.time().step()) {}
    if (!Replies.isOk(answer[0])) {
      problems.add(address + " answers " + answer[0].getMessage() + " to " + request);
    }
    return answer[0];
  }
}
