package io.lockstep.metadata.catalogue;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.metadata.namespace.Namespace;
import io.lockstep.metadata.namespace.Stamp;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AddVolume;
import io.lockstep.wire.message.RemoveVolume;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.RetireVolume;
import io.lockstep.wire.message.RootDirectory;
import io.lockstep.wire.message.SessionRecord;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.SetRecord;
import io.lockstep.wire.message.VolumeRecord;
import io.lockstep.wire.message.VolumeReply;
import io.lockstep.wire.message.VolumeRow;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. Volumes come and go in steps, each an operation of the log: CREATING until every
 * replica stands, LIVE, DELETING until every replica is gone. A master that takes over goes on with
 * the step that stands in the log.
 */
public final class VolumeOperations {
  private final Namespace namespace;

  VolumeOperations(Namespace namespace) {
    this.namespace = namespace;
  }

  /** Why a volume cannot be named so, or null. */
  public static String badName(String name) {
    boolean fine =
        !name.isEmpty()
            && name.length() <= 64
            && name.chars()
                .allMatch(c -> c < 128 && (Character.isLetterOrDigit(c) || "-_.".indexOf(c) >= 0))
            && Character.isLetterOrDigit(name.charAt(0));
    return fine
        ? null
        : "volume name '"
            + name
            + "' is not allowed: 1 to 64 letters, digits, '-', '_' and '.', a letter or digit first";
  }

  /** Whether a volume is, or is becoming, what this wish was for: it was asked for before. */
  public static boolean isMadeFor(@Nullable VolumeRecord volume, long wish) {
    return volume != null
        && wish != 0
        && volume.getWish() == wish
        && volume.getState() != VolumeRecord.State.DELETING;
  }

  Reply add(KvTransaction state, AddVolume add, long nowNs) {
    if (badName(add.getName()) != null) {
      return Replies.failure(ErrorCode.INVALID_ARGUMENT, badName(add.getName()));
    }
    if (add.getMembersCount() == 0
        || add.getMembersCount() > Limits.MEMBERS_MAX
        || add.getMinReplicas() > add.getMembersCount()) {
      return Replies.failure(ErrorCode.INVALID_ARGUMENT, "bad replica count");
    }
    Catalogue catalogue = new Catalogue(state);
    VolumeRecord there = catalogue.volume(add.getName());
    if (isMadeFor(there, add.getWish())) {
      return reply(catalogue, there);
    }
    if (there != null) {
      return Replies.failure(
          ErrorCode.EXISTS, "there is a volume named '" + add.getName() + "' already");
    }
    long volumeId = Catalogue.nextId(state);
    long setId = Catalogue.nextId(state);
    VolumeRecord.Builder volume =
        VolumeRecord.newBuilder()
            .setVolume(volumeId)
            .setName(add.getName())
            .setReplicas(add.getReplicas())
            .setMinReplicas(add.getMinReplicas())
            .addSets(setId)
            .setState(VolumeRecord.State.CREATING)
            .setWish(add.getWish())
            .setCreatedNs(nowNs);
    if (add.hasRoot()) {
      volume.setRootDirectory(add.getRoot());
    }
    Catalogue.put(state, volume.build());
    Catalogue.put(
        state,
        SetRecord.newBuilder()
            .setVolume(volumeId)
            .setReason("volume created")
            .setConfig(
                SetConfigMessage.newBuilder()
                    .setSet(setId)
                    .setEpoch(1)
                    .setMinReplicas(add.getMinReplicas())
                    .setOpen(true)
                    .addAllMembers(add.getMembersList()))
            .build());
    return reply(catalogue, volume.build());
  }

  Reply publish(KvTransaction state, long id, long nowNs) {
    Catalogue catalogue = new Catalogue(state);
    VolumeRecord volume = catalogue.volume(id);
    if (volume == null || volume.getState() == VolumeRecord.State.DELETING) {
      return Replies.failure(ErrorCode.NOT_FOUND, "volume " + id + " is gone");
    }
    if (volume.getState() == VolumeRecord.State.LIVE) {
      return reply(catalogue, volume);
    }
    VolumeRecord live =
        volume.toBuilder()
            .setRoot(createRoot(state, volume, new Stamp(nowNs, 0)))
            .setState(VolumeRecord.State.LIVE)
            .build();
    Catalogue.put(state, live);
    return reply(catalogue, live);
  }

  private long createRoot(KvTransaction state, VolumeRecord volume, Stamp stamp) {
    if (!volume.hasRootDirectory()) {
      return namespace.createVolumeRoot(state, volume.getVolume(), stamp);
    }
    RootDirectory root = volume.getRootDirectory();
    return namespace.createVolumeRoot(
        state, volume.getVolume(), root.getUid(), root.getGid(), root.getMode(), stamp);
  }

  Reply retire(KvTransaction state, RetireVolume retire) {
    Catalogue catalogue = new Catalogue(state);
    VolumeRecord volume = catalogue.volume(retire.getVolume());
    if (volume == null) {
      return Replies.failure(ErrorCode.NOT_FOUND, "volume " + retire.getVolume() + " is gone");
    }
    if (volume.getState() == VolumeRecord.State.LIVE) {
      for (SessionRecord session : catalogue.sessions()) {
        if (session.getVolume() == volume.getVolume()) {
          return Replies.failure(
              ErrorCode.RESOURCE_BUSY,
              "volume '"
                  + volume.getName()
                  + "' is mounted on "
                  + session.getHost()
                  + " at "
                  + session.getMountPoint());
        }
      }
      long inodes = namespace.usage(state, volume.getVolume()).inodes();
      if (inodes > 1 && !retire.getForce()) {
        return Replies.failure(
            ErrorCode.NOT_EMPTY,
            "volume '" + volume.getName() + "' holds " + (inodes - 1) + " files and directories");
      }
    }
    VolumeRecord retired = volume.toBuilder().setState(VolumeRecord.State.DELETING).build();
    Catalogue.put(state, retired);
    return reply(catalogue, retired);
  }

  Reply remove(KvTransaction state, RemoveVolume remove) {
    VolumeRecord volume = new Catalogue(state).volume(remove.getVolume());
    if (volume == null) {
      return Replies.OK;
    }
    if (volume.getState() != VolumeRecord.State.DELETING) {
      return Replies.failure(
          ErrorCode.CONFLICT, "volume '" + volume.getName() + "' is not being deleted");
    }
    long next =
        namespace.purge(
            state, volume.getVolume(), volume.getPurgeCursor(), Math.max(1, remove.getRowsMax()));
    if (next != 0) {
      Catalogue.put(state, volume.toBuilder().setPurgeCursor(next).build());
      return Replies.failure(ErrorCode.BUSY, "inodes are left");
    }
    for (long set : volume.getSetsList()) {
      state.delete(Keys.of(Keys.SET, set));
      Answers.deleteRange(state, Keys.of(Keys.DEAD, set), Keys.of(Keys.DEAD, set + 1));
      Answers.deleteRange(
          state, Keys.of(Keys.DEAD_WAITING, set), Keys.of(Keys.DEAD_WAITING, set + 1));
    }
    state.delete(Keys.of(Keys.VOLUME, volume.getVolume()));
    return Replies.OK;
  }

  /** The answer to whoever wished for this volume. */
  public static Reply reply(Catalogue catalogue, VolumeRecord volume) {
    return Reply.newBuilder()
        .setVolume(VolumeReply.newBuilder().setVolume(row(catalogue, volume)))
        .build();
  }

  /** What people see of a volume. */
  public static VolumeRow.Builder row(Catalogue catalogue, VolumeRecord volume) {
    return VolumeRow.newBuilder()
        .setVolume(volume.getVolume())
        .setName(volume.getName())
        .setReplicas(volume.getReplicas())
        .setMinReplicas(volume.getMinReplicas())
        .setRoot(volume.getRoot())
        .addAllSets(catalogue.configs(volume))
        .setState(volume.getState().name())
        .setCreatedMs(volume.getCreatedNs() / 1_000_000);
  }
}
