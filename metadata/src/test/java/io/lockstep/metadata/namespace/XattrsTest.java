package io.lockstep.metadata.namespace;

import static io.lockstep.metadata.namespace.Tree.bytes;
import static io.lockstep.metadata.namespace.Tree.code;
import static io.lockstep.metadata.namespace.Tree.ok;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.wire.message.FileType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Extended attributes. */
final class XattrsTest {
  private final Tree tree = new Tree();
  private final long file = tree.file(tree.root, "f");

  @AfterEach
  void treeIsSound() {
    assertThat(tree.audit()).isEmpty();
  }

  private ByteString value(String name) {
    return ok(tree.getXattr(file, name)).getGetXattr().getValue();
  }

  @Test
  void whatIsSetIsFound() {
    ok(tree.setXattr(file, "user.b", "2"));
    ok(tree.setXattr(file, "user.a", ""));
    assertThat(value("user.b")).isEqualTo(bytes("2"));
    assertThat(value("user.a")).isEqualTo(ByteString.EMPTY);
    assertThat(tree.xattrs(file)).containsExactly("user.a", "user.b");
    ok(tree.setXattr(file, "user.b", "twenty"));
    assertThat(value("user.b")).isEqualTo(bytes("twenty"));
    ok(tree.removeXattr(file, "user.b"));
    assertThat(tree.xattrs(file)).containsExactly("user.a");
    assertThat(code(tree.getXattr(file, "user.b"))).isEqualTo(ErrorCode.NO_ATTRIBUTE);
    assertThat(code(tree.removeXattr(file, "user.b"))).isEqualTo(ErrorCode.NO_ATTRIBUTE);
  }

  @Test
  void changesTouchCtimeOnly() {
    ok(tree.setXattr(file, "user.a", "1"));
    assertThat(tree.attributes(file).getCtime().getSeconds()).isEqualTo(tree.now());
    assertThat(tree.attributes(file).getMtime().getSeconds()).isLessThan(tree.now());
    ok(tree.removeXattr(file, "user.a"));
    assertThat(tree.attributes(file).getCtime().getSeconds()).isEqualTo(tree.now());
  }

  @Test
  void createAndReplaceFlagsAreHonoured() {
    assertThat(code(tree.setXattr(tree.newXattr(file, "user.a", bytes("1")).setReplace(true))))
        .isEqualTo(ErrorCode.NO_ATTRIBUTE);
    ok(tree.setXattr(tree.newXattr(file, "user.a", bytes("1")).setCreate(true)));
    assertThat(code(tree.setXattr(tree.newXattr(file, "user.a", bytes("2")).setCreate(true))))
        .isEqualTo(ErrorCode.EXISTS);
    ok(tree.setXattr(tree.newXattr(file, "user.a", bytes("3")).setReplace(true)));
    assertThat(value("user.a")).isEqualTo(bytes("3"));
  }

  @Test
  void namesAreChecked() {
    String longest = "user." + "x".repeat(Limits.XATTR_NAME_BYTES_MAX - 5);
    ok(tree.setXattr(file, longest, "1"));
    assertThat(code(tree.setXattr(file, longest + "x", "1"))).isEqualTo(ErrorCode.OUT_OF_RANGE);
    assertThat(code(tree.setXattr(file, "", "1"))).isEqualTo(ErrorCode.OUT_OF_RANGE);
    assertThat(code(tree.setXattr(file, "user.", "1"))).isEqualTo(ErrorCode.INVALID_ARGUMENT);
    assertThat(code(tree.setXattr(file, "user.a\0b", "1"))).isEqualTo(ErrorCode.BAD_REQUEST);
    for (String name : new String[] {"plain", "system.posix_acl_access", "os2.x", "userx.a"}) {
      assertThat(code(tree.setXattr(file, name, "1"))).isEqualTo(ErrorCode.NOT_SUPPORTED);
      assertThat(code(tree.getXattr(file, name))).isEqualTo(ErrorCode.NOT_SUPPORTED);
      assertThat(code(tree.removeXattr(file, name))).isEqualTo(ErrorCode.NOT_SUPPORTED);
    }
    assertThat(code(tree.setXattr(9999, "user.a", "1"))).isEqualTo(ErrorCode.NOT_FOUND);
    assertThat(code(tree.getXattr(9999, "user.a"))).isEqualTo(ErrorCode.NOT_FOUND);
  }

  @Test
  void userNamesAreForFilesAndDirectories() {
    ok(tree.setXattr(tree.root, "user.a", "1"));
    long link = tree.symlink(tree.root, "s", "t");
    long fifo = tree.create(tree.newInode(tree.root, "p", FileType.FIFO)).getInode();
    assertThat(code(tree.setXattr(link, "user.a", "1"))).isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(code(tree.setXattr(fifo, "user.a", "1"))).isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(code(tree.getXattr(fifo, "user.a"))).isEqualTo(ErrorCode.NO_ATTRIBUTE);
    ok(tree.setXattr(link, "trusted.a", "1"));
    ok(tree.setXattr(fifo, "security.selinux", "1"));
  }

  @Test
  void trustedAndSecurityAreForRoot() {
    tree.caller = Tree.USER;
    assertThat(code(tree.setXattr(file, "trusted.a", "1"))).isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(code(tree.setXattr(file, "security.a", "1"))).isEqualTo(ErrorCode.NOT_PERMITTED);
    assertThat(code(tree.removeXattr(file, "trusted.a"))).isEqualTo(ErrorCode.NOT_PERMITTED);
  }

  @Test
  void stickyDirectoryTakesUserNamesFromItsOwnerOnly() {
    long directory =
        tree.create(tree.newInode(tree.root, "d", FileType.DIRECTORY).setMode(01777)).getInode();
    tree.caller = Tree.USER;
    assertThat(code(tree.setXattr(directory, "user.a", "1"))).isEqualTo(ErrorCode.NOT_PERMITTED);
    tree.caller = Tree.ROOT;
    ok(tree.setXattr(directory, "user.a", "1"));
  }

  @Test
  void valuesHaveABound() {
    ByteString largest = ByteString.copyFrom(new byte[Limits.XATTR_VALUE_BYTES_MAX]);
    ok(tree.setXattr(tree.newXattr(file, "user.a", largest)));
    assertThat(value("user.a")).isEqualTo(largest);
    ByteString more = largest.concat(bytes("x"));
    assertThat(code(tree.setXattr(tree.newXattr(file, "user.b", more))))
        .isEqualTo(ErrorCode.ARGUMENTS_TOO_LONG);
  }

  @Test
  void namesTogetherHaveABound() {
    int nameBytes = Limits.XATTR_NAME_BYTES_MAX + 1;
    int most = Limits.XATTR_LIST_BYTES_MAX / nameBytes;
    String padding = "x".repeat(Limits.XATTR_NAME_BYTES_MAX - 10);
    for (int i = 0; i < most; i++) {
      ok(tree.setXattr(file, String.format("user.%05d%s", i, padding), ""));
    }
    assertThat(code(tree.setXattr(file, "user.more", ""))).isEqualTo(ErrorCode.NO_SPACE);
    ok(tree.removeXattr(file, String.format("user.%05d%s", 0, padding)));
    ok(tree.setXattr(file, "user.more", ""));
  }

  @Test
  void valuesTogetherHaveABound() {
    ByteString largest = ByteString.copyFrom(new byte[Limits.XATTR_VALUE_BYTES_MAX]);
    for (int i = 0; i < 15; i++) {
      ok(tree.setXattr(tree.newXattr(file, "user." + i, largest)));
    }
    assertThat(code(tree.setXattr(tree.newXattr(file, "user.x", largest))))
        .isEqualTo(ErrorCode.NO_SPACE);
  }
}
