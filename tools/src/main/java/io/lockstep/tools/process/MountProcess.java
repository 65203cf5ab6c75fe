package io.lockstep.tools.process;

import io.lockstep.core.AgentThread;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.core.Times;
import io.lockstep.fs.fuse.Mount;
import io.lockstep.fs.fuse.MountFailed;
import io.lockstep.fs.vfs.Contents;
import io.lockstep.fs.vfs.Names;
import io.lockstep.fs.vfs.Threads;
import io.lockstep.fs.vfs.Vfs;
import io.lockstep.fs.vfs.VfsOptions;
import io.lockstep.lockd.client.FileLocks;
import io.lockstep.replication.client.CacheDropper;
import io.lockstep.replication.client.ReplicationClient;
import io.lockstep.replication.client.WaitingRequests;
import io.lockstep.replication.client.Waits;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.MountSettings;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.wire.Payload;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetEpoch;
import io.lockstep.wire.netty.ClientOptions;
import io.lockstep.wire.netty.Credentials;
import io.lockstep.wire.netty.Identity;
import io.lockstep.wire.netty.NettyPeers;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Path;
import java.util.List;

/**
 * Confined to the main thread, but for the callbacks of the transport, which read one volatile
 * reference each. The process {@code lockstep mount}: session, files, vfs and mount, from the
 * bottom to the top; it ends when somebody unmounts.
 */
public final class MountProcess {
  private static final int INBOX_MAX = 65_536;

  private final MountSettings settings;
  private final MountFlags flags;
  private final MountParts parts;
  private volatile MasterSession master;
  private volatile Mount mount;

  private MountProcess(MountSettings settings, MountFlags flags, MountParts parts) {
    this.settings = settings;
    this.flags = flags;
    this.parts = parts;
  }

  /**
   * Returns when the mount answers.
   *
   * @param state where the mounts of this user are written down
   */
  public static void start(MountSettings settings, Path state, Lifetime lifetime)
      throws IOException, UserError, Outcome {
    start(settings, state, MountParts.PRODUCTION, lifetime);
  }

  /**
   * @param parts for reproductions
   */
  public static void start(MountSettings settings, Path state, MountParts parts, Lifetime lifetime)
      throws IOException, UserError, Outcome {
    MountFlags flags = MountFlags.parse(settings.directory(), settings.options());
    new MountProcess(settings, flags, parts).run(state, lifetime);
  }

  private void run(Path state, Lifetime lifetime) throws IOException, UserError, Outcome {
    byte[] secret = SecretFile.read(settings.secretFile());
    ProcessLog.toFile(settings.logFile());
    AgentThread agent =
        lifetime.closes(
            new AgentThread("mount", SystemClock.INSTANCE, INBOX_MAX, Fatal.INSTANCE).start());
    NettyPeers peers =
        lifetime.closes(
            new NettyPeers(
                new ClientOptions(
                    Identity.of("client"),
                    new Credentials(secret, 0),
                    this::session,
                    (address, push) -> onPush(push),
                    Fatal.INSTANCE)));
    MasterSession session = new MasterSession(settings.masters(), peers, agent, request());
    master = session;
    SessionReply opened = openSession(session);
    lifetime.closes(session);
    ReplicationClient files =
        lifetime.closes(
            new ReplicationClient(
                parts.master(session, agent),
                peers,
                agent,
                Times.DEFAULT,
                flags.client(),
                opened,
                Waits.PARK,
                parts.lockSeam()));
    files.cacheDropper(this::drop);
    VfsOptions options =
        VfsOptions.of(opened.getVolume(), opened.getRoot()).withReadOnly(flags.mount().readOnly());
    Contents contents = parts.contents(Contents.over(files));
    FileLocks locks = new FileLocks(session, agent, Times.DEFAULT);
    Names names = new Names(SystemClock.INSTANCE, Times.DEFAULT, request -> tell(session, request));
    files.attributesListener(names::touched);
    Vfs vfs = lifetime.closes(new Vfs(session, contents, locks, options, Threads.REAL, names));
    session.serve(
        new SessionUsers(names, files, locks),
        reopened -> {
          files.onSessionReopened(reopened);
          locks.onSessionReopened();
        },
        vfs::openInodes);
    mount(vfs, lifetime);
    String address = settings.directory().toString();
    MountAdmin admin = lifetime.closes(MountAdmin.start(files, locks, this::session, secret));
    Ready.write("mount", address, admin.address(), MountRecord.own(state))
        .write(settings.readyFile());
    endWithMount(lifetime);
  }

  private OpenSession request() {
    return OpenSession.newBuilder()
        .setVolume(settings.volume())
        .setHost(hostName())
        .setPid((int) ProcessHandle.current().pid())
        .setMountPoint(settings.directory().toString())
        .setReadOnly(flags.mount().readOnly())
        .setVersion(Version.TEXT)
        .build();
  }

  private SessionReply openSession(MasterSession session) throws UserError, Outcome {
    try {
      return session.open(settings.waitNs());
    } catch (Outcome e) {
      if (e.code() == ErrorCode.NOT_FOUND) {
        throw UserError.failed(
            "no volume \"%s\" (lockstep volume list shows what there is)", settings.volume());
      }
      throw e;
    }
  }

  private void mount(Vfs vfs, Lifetime lifetime) throws UserError {
    try {
      mount = lifetime.closes(Mount.mount(flags.mount(), vfs));
    } catch (MountFailed e) {
      throw UserError.failed("%s", e.getMessage());
    }
  }

  /** Unmounted by a user, the process has nothing left to do but to write back. */
  private void endWithMount(Lifetime lifetime) {
    Mount mounted = mount;
    Thread watcher =
        new Thread(
            () -> {
              try {
                while (!mounted.awaitEnd(Long.MAX_VALUE)) {
                  // Until it has ended.
                }
                lifetime.end(0);
              } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
              }
            },
            "unmounted");
    watcher.setDaemon(true);
    watcher.start();
  }

  private long session() {
    MasterSession session = master;
    return session == null ? 0 : session.session();
  }

  private void onPush(Push push) {
    MasterSession session = master;
    if (session != null) {
      session.onPush(push);
    }
  }

  private void drop(long inode, WaitingRequests waiting, Runnable dropped) {
    Mount mounted = mount;
    CacheDropper dropper = mounted == null ? CacheDropper.NONE : mounted;
    dropper.drop(inode, waiting, dropped);
  }

  private static String hostName() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "localhost";
    }
  }

  private static void tell(MasterSession session, Request request) {
    session.call(
        request,
        Payload.EMPTY,
        Times.DEFAULT.memberCallNs(),
        (reply, payload) -> payload.release());
  }

  /**
   * Immutable. Who lives by the session. Names are dropped before the files tell a new lockd that
   * this session has told all.
   */
  private record SessionUsers(Names names, ReplicationClient files, FileLocks locks)
      implements SessionEvents {
    @Override
    public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
      names.onRenewed(sentNs, lockdTerm, epochs);
      files.onRenewed(sentNs, lockdTerm, epochs);
      locks.onRenewed(sentNs, lockdTerm, epochs);
    }

    @Override
    public void onPush(Push push) {
      names.onPush(push);
      files.onPush(push);
      locks.onPush(push);
    }

    @Override
    public void onSessionEnded(String reason) {
      names.onSessionEnded(reason);
      files.onSessionEnded(reason);
      locks.onSessionEnded(reason);
    }
  }
}
