package io.lockstep.metadata.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Member;
import io.lockstep.core.MemberMode;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.catalogue.Catalogue;
import io.lockstep.metadata.catalogue.VolumeOperations;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.namespace.Usage;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.ClusterStatusReply;
import io.lockstep.wire.message.ListVolumesReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.SessionRecord;
import io.lockstep.wire.message.SessionRow;
import io.lockstep.wire.message.StatFilesystemReply;
import io.lockstep.wire.message.VolumeRecord;
import io.lockstep.wire.message.VolumeReply;
import io.lockstep.wire.message.VolumeRow;
import java.util.List;

/** Confined to the master agent. What people and statfs(2) are told. */
final class Status {
  private static final int BYTES_PER_FREE_INODE = 4096;
  private static final Reply CLOSED = Replies.failure(ErrorCode.CLOSING, "the master is closed");

  private final Ports ports;
  private final Namespace namespace;
  private final Daemons daemons;
  private final Sessions sessions;
  private final OpenTable openTable;
  private final SetBoard board;

  Status(
      Ports ports,
      Namespace namespace,
      Daemons daemons,
      Sessions sessions,
      OpenTable openTable,
      SetBoard board) {
    this.ports = ports;
    this.namespace = namespace;
    this.daemons = daemons;
    this.sessions = sessions;
    this.openTable = openTable;
    this.board = board;
  }

  Reply cluster(long cluster, String version, String leader) {
    long nowNs = ports.nowNs();
    Reply reply =
        ports.read(
            state -> {
              Catalogue catalogue = new Catalogue(state);
              ClusterStatusReply.Builder status =
                  ClusterStatusReply.newBuilder()
                      .setCluster(cluster)
                      .setVersion(version)
                      .setLeader(leader)
                      .setAppliedIndex(ports.appliedIndex())
                      .setLockdTerm(catalogue.lockdTerm())
                      .addAllDaemons(daemons.rows(nowNs))
                      .addAllVolumes(rows(state));
              for (SessionRecord session : catalogue.sessions()) {
                status.addSessions(row(catalogue, session, nowNs));
              }
              return Reply.newBuilder().setClusterStatus(status).build();
            });
    return reply == null ? CLOSED : reply;
  }

  private SessionRow row(Catalogue catalogue, SessionRecord session, long nowNs) {
    long id = session.getSession();
    VolumeRecord volume = catalogue.volume(session.getVolume());
    return SessionRow.newBuilder()
        .setSession(id)
        .setVolume(volume == null ? "" : volume.getName())
        .setHost(session.getHost())
        .setPid(session.getPid())
        .setMountPoint(session.getMountPoint())
        .setRenewedMsAgo((nowNs - sessions.renewedNs(id, nowNs)) / 1_000_000)
        .setOpenInodes(openTable.openCount(id))
        .build();
  }

  Reply volumes() {
    Reply reply =
        ports.read(
            state ->
                Reply.newBuilder()
                    .setListVolumes(ListVolumesReply.newBuilder().addAllVolumes(rows(state)))
                    .build());
    return reply == null ? CLOSED : reply;
  }

  Reply volume(String name) {
    Reply reply =
        ports.read(
            state -> {
              Catalogue catalogue = new Catalogue(state);
              VolumeRecord volume = catalogue.volume(name);
              return volume == null
                  ? Replies.failure(ErrorCode.NOT_FOUND, "there is no volume named '" + name + "'")
                  : Reply.newBuilder()
                      .setVolume(VolumeReply.newBuilder().setVolume(row(state, volume)))
                      .build();
            });
    return reply == null ? CLOSED : reply;
  }

  private List<VolumeRow> rows(KvReader state) {
    return new Catalogue(state).volumes().stream().map(volume -> row(state, volume)).toList();
  }

  private VolumeRow row(KvReader state, VolumeRecord volume) {
    Usage usage = namespace.usage(state, volume.getVolume());
    return VolumeOperations.row(new Catalogue(state), volume)
        .setInodes(usage.inodes())
        .setBytes(usage.bytes())
        .build();
  }

  /** A set has room for what its fullest member can take; a volume, for what its sets can. */
  Reply statFilesystem(long volumeId) {
    VolumeRecord volume = ports.catalogue(catalogue -> catalogue.volume(volumeId));
    if (volume == null) {
      return Replies.failure(ErrorCode.NOT_FOUND, "there is no volume " + volumeId);
    }
    long total = 0;
    long free = 0;
    for (long set : volume.getSetsList()) {
      SetConfig config = board.config(set);
      Room room = config == null ? Room.NONE : room(config);
      total += room.totalBytes();
      free += room.freeBytes();
    }
    Usage usage = ports.read(state -> namespace.usage(state, volumeId));
    return Reply.newBuilder()
        .setStatFilesystem(
            StatFilesystemReply.newBuilder()
                .setTotalBytes(total)
                .setFreeBytes(free)
                .setAvailableBytes(free)
                .setInodes(usage == null ? 0 : usage.inodes())
                .setInodesFree(free / BYTES_PER_FREE_INODE))
        .build();
  }

  private record Room(long totalBytes, long freeBytes) {
    static final Room NONE = new Room(0, 0);
  }

  private Room room(SetConfig config) {
    Room least = null;
    for (Member member : config.members()) {
      Daemons.Daemon daemon = daemons.get(member.daemon());
      boolean counts =
          member.mode() == MemberMode.RW && daemon != null && daemon.capacityBytes() > 0;
      if (counts && (least == null || daemon.freeBytes() < least.freeBytes())) {
        least = new Room(daemon.capacityBytes(), daemon.freeBytes());
      }
    }
    return least == null ? Room.NONE : least;
  }
}
