package io.lockstep.wire.netty;

import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Immutable. What a process knows of its cluster.
 *
 * @param secret shared by all processes of the cluster; not empty, never logged or sent
 * @param cluster the id of the cluster; 0 = learn it from the first server that proves the secret
 */
@SuppressWarnings("ArrayRecordComponent")
public record Credentials(byte[] secret, long cluster) {
  static final int CHALLENGE_BYTES = 32;

  public Credentials {
    if (secret.length == 0) {
      throw new IllegalArgumentException("the cluster secret is empty");
    }
    secret = secret.clone();
  }

  /** HMAC-SHA256(secret, side | first | second). */
  byte[] proof(String side, byte[] first, byte[] second) {
    try {
      Mac mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(secret, "HmacSHA256"));
      mac.update(side.getBytes(StandardCharsets.US_ASCII));
      mac.update(first);
      return mac.doFinal(second);
    } catch (NoSuchAlgorithmException | InvalidKeyException e) {
      throw new IllegalStateException("this JVM has no HmacSHA256", e);
    }
  }

  /** Whether {@code found} is that proof; takes as long whether it is or not. */
  boolean isProof(byte[] found, String side, byte[] first, byte[] second) {
    return MessageDigest.isEqual(found, proof(side, first, second));
  }

  /** Says nothing about the secret. */
  @Override
  public String toString() {
    return "Credentials[cluster=" + Long.toUnsignedString(cluster, 16) + "]";
  }
}
