package io.lockstep.fs.fuse;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;
import static io.lockstep.fs.fuse.Posix.path;
import static io.lockstep.fs.fuse.Posix.stat;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.fs.fuse.Posix.Stat;
import java.util.Arrays;
import java.util.List;
import jnr.ffi.Pointer;
import org.junit.jupiter.api.Test;
import ru.serce.jnrfuse.struct.Statvfs;

/** What applications see of attributes on a real mount: times, owners, modes and the like. */
class FuseAttributesIT extends MountedCase {
  private static final String NOBODY = "65534";

  @Test
  void utimensSetsNanosecondsAndLeavesWhatIsOmitted() throws Exception {
    makeClosed("f");
    Pointer both = Posix.times(1_000_000_000L, 123_456_789, 1_100_000_000L, 987_654_321);
    check("utimensat", C.utimensat(Posix.AT_FDCWD, path(in("f")), both, 0));
    assertThat(stat(in("f")).atimeNs()).isEqualTo(1_000_000_000_123_456_789L);
    assertThat(stat(in("f")).mtimeNs()).isEqualTo(1_100_000_000_987_654_321L);

    Pointer atimeOnly = Posix.times(1_200_000_000L, 5, 0, Posix.UTIME_OMIT);
    check("utimensat", C.utimensat(Posix.AT_FDCWD, path(in("f")), atimeOnly, 0));
    assertThat(stat(in("f")).atimeNs()).isEqualTo(1_200_000_000_000_000_005L);
    assertThat(stat(in("f")).mtimeNs()).isEqualTo(1_100_000_000_987_654_321L);

    Pointer mtimeNow = Posix.times(0, Posix.UTIME_OMIT, 0, Posix.UTIME_NOW);
    long before = (System.currentTimeMillis() - 1000) * 1_000_000;
    check("utimensat", C.utimensat(Posix.AT_FDCWD, path(in("f")), mtimeNow, 0));
    assertThat(stat(in("f")).atimeNs()).isEqualTo(1_200_000_000_000_000_005L);
    assertThat(stat(in("f")).mtimeNs()).isGreaterThan(before);
    assertThat(stat(in("f")).ctimeNs()).isGreaterThan(before);
  }

  @Test
  void touchChangesOneTimeOnly() throws Exception {
    makeClosed("f");
    assertThat(run("touch", "-d", "2001-02-03 04:05:06 UTC", "f")).isZero();
    assertThat(run("touch", "-a", "-d", "2011-02-03 04:05:06 UTC", "f")).isZero();
    assertThat(stat(in("f")).mtimeNs()).isEqualTo(981_173_106_000_000_000L);
    assertThat(stat(in("f")).atimeNs()).isEqualTo(1_296_705_906_000_000_000L);
    assertThat(run("touch", "-m", "-d", "2021-02-03 04:05:06 UTC", "f")).isZero();
    assertThat(stat(in("f")).mtimeNs()).isEqualTo(1_612_325_106_000_000_000L);
    assertThat(stat(in("f")).atimeNs()).isEqualTo(1_296_705_906_000_000_000L);
  }

  @Test
  void userXattrsSurviveAndOthersAreNotSupported() throws Exception {
    makeClosed("f");
    byte[] file = path(in("f"));
    byte[] value = new byte[2000];
    Arrays.fill(value, (byte) 0xab);
    check("setxattr", C.setxattr(file, path("user.big"), value, value.length, 0));
    check("setxattr", C.setxattr(file, path("user.empty"), value, 0, 1));
    assertThat(errnoOf(() -> check("set", C.setxattr(file, path("user.big"), value, 1, 1))))
        .isEqualTo(Posix.EEXIST);
    assertThat(errnoOf(() -> check("set", C.setxattr(file, path("user.no"), value, 1, 2))))
        .isEqualTo(Posix.ENODATA);
    byte[] read = new byte[3000];
    assertThat(C.getxattr(file, path("user.big"), read, 0)).isEqualTo(2000);
    assertThat(C.getxattr(file, path("user.big"), read, 3000)).isEqualTo(2000);
    assertThat(Arrays.copyOf(read, 2000)).isEqualTo(value);
    assertThat(errnoOf(() -> check("get", C.getxattr(file, path("user.big"), read, 10))))
        .isEqualTo(Posix.ERANGE);
    assertThat(errnoOf(() -> check("get", C.getxattr(file, path("user.no"), read, 10))))
        .isEqualTo(Posix.ENODATA);
    byte[] names = new byte[100];
    long size = C.listxattr(file, names, names.length);
    assertThat(new String(names, 0, (int) size, UTF_8).split("\0"))
        .containsExactlyInAnyOrder("user.big", "user.empty");
    check("removexattr", C.removexattr(file, path("user.big")));
    assertThat(C.listxattr(file, names, 0)).isEqualTo("user.empty".length() + 1);
    byte[] acl = path("system.posix_acl_access");
    assertThat(errnoOf(() -> check("get", C.getxattr(file, acl, read, 10))))
        .isEqualTo(Posix.EOPNOTSUPP);
    assertThat(errnoOf(() -> check("set", C.setxattr(file, path("trusted.x"), value, 1, 0))))
        .isEqualTo(Posix.EOPNOTSUPP);
  }

  @Test
  void nodesKeepTypeModeAndDevice() throws Exception {
    check("mknod", C.mknod(path(in("fifo")), Posix.S_IFIFO | 0640, 0));
    check("mknod", C.mknod(path(in("socket")), Posix.S_IFSOCK | 0600, 0));
    check("mknod", C.mknod(path(in("file")), Posix.S_IFREG | 0604, 0));
    check("mknod", C.mknod(path(in("null")), 0020000 | 0666, 0x103));
    assertThat(stat(in("fifo")).mode()).isEqualTo(Posix.S_IFIFO | 0640);
    assertThat(stat(in("socket")).mode()).isEqualTo(Posix.S_IFSOCK | 0600);
    assertThat(stat(in("file")).mode()).isEqualTo(Posix.S_IFREG | 0604);
    assertThat(stat(in("null")).rdev()).isEqualTo(0x103);
    assertThat(run("sh", "-c", "echo through > fifo & test \"$(cat fifo)\" = through")).isZero();
  }

  @Test
  void ownersAndModesAreKeptAndChecked() throws Exception {
    makeClosed("f");
    check("chown", C.chown(path(in("f")), 1234, 5678));
    check("chmod", C.chmod(path(in("f")), 0600));
    Stat s = stat(in("f"));
    assertThat(s.uid()).isEqualTo(1234);
    assertThat(s.gid()).isEqualTo(5678);
    check("chmod", C.chmod(path(dir), 0777));
    assertThat(runAs(NOBODY, "cat f")).isNotZero();
    assertThat(runAs("1234", "echo mine > f && cat f")).isZero();
    assertThat(runAs(NOBODY, "chmod 777 f")).isNotZero();
    assertThat(runAs(NOBODY, "chown 65534 f")).isNotZero();
    assertThat(runAs("1234", "chmod 640 f")).isZero();
    assertThat(stat(in("f")).mode() & 07777).isEqualTo(0640);
  }

  @Test
  void groupMemberMayGiveTheFileToOneOfItsGroups() throws Exception {
    makeClosed("f");
    check("chown", C.chown(path(in("f")), 1234, 1234));
    String[] as = {"setpriv", "--reuid=1234", "--regid=1234", "--groups=77", "chgrp"};
    assertThat(run(as[0], as[1], as[2], as[3], as[4], "77", "f")).isZero();
    assertThat(stat(in("f")).gid()).isEqualTo(77);
    assertThat(run(as[0], as[1], as[2], as[3], as[4], "78", "f")).isNotZero();
  }

  @Test
  void writingTakesSetuidAndSetgidAwayUnlessRootDoes() throws Exception {
    makeClosed("f");
    check("chown", C.chown(path(in("f")), 1234, 1234));
    check("chmod", C.chmod(path(in("f")), 06777));
    assertThat(run("sh", "-c", "echo root >> f")).isZero();
    assertThat(stat(in("f")).mode() & 07777).isEqualTo(06777);
    assertThat(runAs("1234", "echo user >> f")).isZero();
    assertThat(stat(in("f")).mode() & 07777).isEqualTo(0777);
    for (String script : List.of("truncate -s 3 f", ": > f", "fallocate -l 9 f", "cp $0 f")) {
      check("chmod", C.chmod(path(in("f")), 06777));
      assertThat(runAs("1234", script.replace("$0", "/etc/passwd"))).isZero();
      assertThat(stat(in("f")).mode() & 07777).as(script).isEqualTo(0777);
    }
    check("chmod", C.chmod(path(in("f")), 02767));
    assertThat(runAs("1234", "echo setgid without execute stays >> f")).isZero();
    assertThat(stat(in("f")).mode() & 07777).isEqualTo(02767);
    check("chmod", C.chmod(path(in("f")), 06777));
    assertThat(runAs("1234", "chown 1234:1234 f")).isZero();
    assertThat(stat(in("f")).mode() & 06000).isZero();
  }

  @Test
  void stickyDirectoryProtectsTheFilesOfOthers() throws Exception {
    check("chmod", C.chmod(path(dir), 01777));
    assertThat(runAs("1234", "echo x > mine")).isZero();
    assertThat(runAs(NOBODY, "rm -f mine")).isNotZero();
    assertThat(runAs(NOBODY, "mv mine other")).isNotZero();
    assertThat(runAs("1234", "mv mine other && rm other")).isZero();
  }

  @Test
  void setgidDirectoryGivesItsGroupToWhatIsMadeInIt() throws Exception {
    check("chown", C.chown(path(dir), 0, 4321));
    check("chmod", C.chmod(path(dir), 02777));
    assertThat(runAs("1234", "umask 022; echo x > f; mkdir d")).isZero();
    assertThat(stat(in("f")).gid()).isEqualTo(4321);
    assertThat(stat(in("d")).gid()).isEqualTo(4321);
    assertThat(stat(in("d")).mode() & 07777).isEqualTo(02755);
  }

  @Test
  void statfsTellsTheNumbersOfTheVolume() throws Exception {
    Statvfs s = Posix.statvfs(dir);
    assertThat(s.f_blocks.longValue() * s.f_frsize.longValue()).isEqualTo(1L << 40);
    assertThat(s.f_bfree.longValue() * s.f_frsize.longValue()).isEqualTo(1L << 39);
    assertThat(s.f_bavail.longValue() * s.f_frsize.longValue()).isEqualTo(1L << 38);
    assertThat(s.f_ffree.longValue()).isEqualTo(1_000_000);
    assertThat(s.f_namemax.longValue()).isEqualTo(255);
  }
}
