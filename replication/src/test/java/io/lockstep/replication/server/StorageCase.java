package io.lockstep.replication.server;

import static io.lockstep.replication.server.TestCluster.SET;

import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.DeleteObjects;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SettleObject;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What tests of storage daemons that speak with each other have in common. */
@Timeout(120)
abstract class StorageCase {
  static final Token LEASE = new Token(5, 1);
  static final Token NEXT = new Token(5, 2);

  @TempDir Path root;

  static byte[] filled(int value, int size) {
    byte[] bytes = new byte[size];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  static Request.Builder delete(TestCluster cluster, long inode, Token token) {
    return Request.newBuilder()
        .setDeleteObjects(
            DeleteObjects.newBuilder()
                .setSet(SET)
                .setEpoch(cluster.config().getEpoch())
                .setToken(Convert.message(token))
                .addInodes(inode));
  }

  static Request.Builder settle(TestCluster cluster, long inode, Token token, int source) {
    return Request.newBuilder()
        .setSettleObject(
            SettleObject.newBuilder()
                .setSet(SET)
                .setEpoch(cluster.config().getEpoch())
                .setInode(inode)
                .setToken(Convert.message(token))
                .setSource(source)
                .setSourceAddress(TestCluster.address(source)));
  }
}
