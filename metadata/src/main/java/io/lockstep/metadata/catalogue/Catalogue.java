package io.lockstep.metadata.catalogue;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.lockstep.core.Check;
import io.lockstep.core.Outcome;
import io.lockstep.core.SetConfig;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.DaemonRecord;
import io.lockstep.wire.message.DeadRecord;
import io.lockstep.wire.message.SessionRecord;
import io.lockstep.wire.message.SetConfigMessage;
import io.lockstep.wire.message.SetRecord;
import io.lockstep.wire.message.VolumeRecord;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/**
 * Immutable. The records of the catalogue in a state of the store. A record that cannot be read is
 * a broken invariant: nobody but the log writes them, and the store checks its blocks.
 */
public final class Catalogue {
  private final KvReader state;

  public Catalogue(KvReader state) {
    this.state = state;
  }

  /** The volume, or null. */
  public VolumeRecord volume(long id) {
    return read(VolumeRecord.parser(), state.get(Keys.of(Keys.VOLUME, id)));
  }

  /** The volume with this name, or null. */
  public VolumeRecord volume(String name) {
    for (VolumeRecord volume : volumes()) {
      if (volume.getName().equals(name)) {
        return volume;
      }
    }
    return null;
  }

  /** In order of id. */
  public List<VolumeRecord> volumes() {
    return all(VolumeRecord.parser(), Keys.VOLUME);
  }

  /** The set, or null. */
  public SetRecord set(long id) {
    return read(SetRecord.parser(), state.get(Keys.of(Keys.SET, id)));
  }

  public List<SetRecord> sets() {
    return all(SetRecord.parser(), Keys.SET);
  }

  /** The daemon, or null if it never registered. */
  public DaemonRecord daemon(UUID id) {
    return read(DaemonRecord.parser(), state.get(Keys.of(Keys.DAEMON, id)));
  }

  public List<DaemonRecord> daemons() {
    return all(DaemonRecord.parser(), Keys.DAEMON);
  }

  /** The session if it is open, else null. */
  public SessionRecord session(long id) {
    return read(SessionRecord.parser(), state.get(Keys.of(Keys.SESSION, id)));
  }

  /** Open sessions, in order of id. */
  public List<SessionRecord> sessions() {
    return all(SessionRecord.parser(), Keys.SESSION);
  }

  /** Term of the newest start of lockd (P6); 0 = none yet. */
  public long lockdTerm() {
    return Keys.number(state.get(Keys.of(Keys.LOCKD_TERM)));
  }

  /** Dead records whose objects are to be deleted, from {@code fromSet} on. */
  public List<DeadRecord> dead(long fromSet, int max) {
    return some(DeadRecord.parser(), Keys.of(Keys.DEAD, fromSet), Keys.end(Keys.DEAD), max);
  }

  /** Whether dead records of the set wait for members that are away. */
  public boolean hasWaitingDead(long set) {
    return !some(
            DeadRecord.parser(),
            Keys.of(Keys.DEAD_WAITING, set),
            Keys.of(Keys.DEAD_WAITING, set + 1),
            1)
        .isEmpty();
  }

  /** The configuration of a set as the log has it. */
  public static SetConfig config(SetRecord set) {
    try {
      return Convert.config(set.getConfig());
    } catch (Outcome e) {
      throw Check.unreachable("the record of set %x: %s", set.getConfig().getSet(), e.getMessage());
    }
  }

  /** Announced addresses of all daemons. */
  public Map<UUID, String> addresses() {
    Map<UUID, String> addresses = new HashMap<>();
    for (DaemonRecord daemon : daemons()) {
      addresses.put(Convert.uuid(daemon.getDaemon()), daemon.getAddress());
    }
    return addresses;
  }

  /** Configurations of a volume's sets, with addresses. */
  public List<SetConfigMessage> configs(VolumeRecord volume) {
    Map<UUID, String> addresses = addresses();
    List<SetConfigMessage> configs = new ArrayList<>();
    for (long id : volume.getSetsList()) {
      configs.add(Convert.message(config(set(id)), addresses));
    }
    return configs;
  }

  static void put(KvTransaction state, VolumeRecord volume) {
    state.put(Keys.of(Keys.VOLUME, volume.getVolume()), volume.toByteArray());
  }

  static void put(KvTransaction state, SetRecord set) {
    state.put(Keys.of(Keys.SET, set.getConfig().getSet()), set.toByteArray());
  }

  static void put(KvTransaction state, DaemonRecord daemon) {
    state.put(Keys.of(Keys.DAEMON, Convert.uuid(daemon.getDaemon())), daemon.toByteArray());
  }

  static void put(KvTransaction state, SessionRecord session) {
    state.put(Keys.of(Keys.SESSION, session.getSession()), session.toByteArray());
  }

  /** An id that no volume, set or session had before. */
  static long nextId(KvTransaction state) {
    byte[] key = Keys.of(Keys.NEXT_ID);
    long id = Keys.number(state.get(key)) + 1;
    state.put(key, Keys.number(id));
    return id;
  }

  /** At most {@code max} records with {@code from <= key < to}. */
  static <T extends MessageLite> List<T> some(
      KvReader state, Parser<T> parser, byte[] from, byte[] to, int max) {
    List<T> found = new ArrayList<>();
    if (max > 0) {
      state.scan(
          from,
          to,
          (key, value) -> {
            found.add(read(parser, value));
            return found.size() < max;
          });
    }
    return found;
  }

  static <T extends MessageLite> T read(Parser<T> parser, byte[] value) {
    if (value == null) {
      return null;
    }
    try {
      return parser.parseFrom(value);
    } catch (InvalidProtocolBufferException e) {
      throw Check.unreachable("a record of the store is no message: %s", e.getMessage());
    }
  }

  private <T extends MessageLite> List<T> some(Parser<T> parser, byte[] from, byte[] to, int max) {
    return some(state, parser, from, to, max);
  }

  private <T extends MessageLite> List<T> all(Parser<T> parser, byte table) {
    return some(parser, Keys.of(table), Keys.end(table), Integer.MAX_VALUE);
  }
}
