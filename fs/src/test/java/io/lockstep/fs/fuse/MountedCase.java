package io.lockstep.fs.fuse;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static io.lockstep.fs.fuse.Posix.path;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.lockstep.fs.fuse.Posix.Failed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.Timeout;

/** System calls on a real mount: what its tests have in common. */
@Timeout(120)
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class MountedCase {
  private Scratch scratch;
  private Path mountPoint;
  private MountProcess mount;

  /** A directory of its own for each test, on the mount. */
  String dir;

  @BeforeAll
  void mount() throws IOException {
    scratch = new Scratch();
    mountPoint = scratch.directory("mount");
    mount = MountProcess.start(mountPoint.toString());
  }

  @AfterAll
  void unmount() throws IOException {
    if (mount != null) {
      mount.close();
    }
    scratch.close();
  }

  @BeforeEach
  void makeDirectory(TestInfo test) throws Failed {
    dir = mountPoint + "/" + test.getTestMethod().orElseThrow().getName();
    check("mkdir", C.mkdir(path(dir), 0755));
  }

  String in(String name) {
    return dir + "/" + name;
  }

  static int errnoOf(ThrowingCallable call) {
    Failed failed = catchThrowableOfType(Failed.class, call);
    assertThat(failed).as("the call should fail").isNotNull();
    return failed.errno();
  }

  int make(String name) throws Failed {
    return Posix.open(in(name), Posix.O_RDWR | Posix.O_CREAT | Posix.O_EXCL);
  }

  void makeClosed(String name) throws Failed {
    check("close", C.close(make(name)));
  }

  static void close(int fd) throws Failed {
    check("close", C.close(fd));
  }

  /** The exit code of a command, run in the directory of the test. */
  int run(String... command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(Path.of(dir).toFile());
    builder.redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.DISCARD);
    builder.environment().put("LC_ALL", "C");
    Process process = builder.start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return process.exitValue();
  }

  int runAs(String uid, String script) throws IOException, InterruptedException {
    return run("setpriv", "--reuid=" + uid, "--regid=" + uid, "--clear-groups", "sh", "-c", script);
  }
}
