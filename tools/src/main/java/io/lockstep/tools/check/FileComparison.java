package io.lockstep.tools.check;

import com.google.protobuf.ByteString;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.HashObjectReply;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Confined to its caller. Compares one file over the members of its replica set, block by block,
 * and its size with what the namespace says. Whoever is alone with a block is named; if no two of
 * three agree, all are.
 */
final class FileComparison {
  /** 8 MiB of each member at a time. */
  private static final int BLOCKS_MAX = 2048;

  private static final int CRC_BYTES = 4;

  private final long set;
  private final List<MemberView> members;
  private final long inode;
  private final String name;
  private final List<Difference> differences = new ArrayList<>();

  FileComparison(long set, List<MemberView> members, long inode, String name) {
    this.set = set;
    this.members = members;
    this.inode = inode;
    this.name = name;
  }

  /** What differs, with the file's size as the namespace has it. */
  List<Difference> run(long size) throws Outcome {
    List<HashObjectReply> answers = ask(0);
    compareSizes(size, answers);
    long end = answers.stream().mapToLong(HashObjectReply::getSize).max().orElse(0);
    long offset = 0;
    while (true) {
      compareBlocks(offset, answers);
      offset += (long) BLOCKS_MAX * Limits.BLOCK_BYTES;
      if (offset >= end) {
        return List.copyOf(differences);
      }
      answers = ask(offset);
    }
  }

  private List<HashObjectReply> ask(long offset) throws Outcome {
    List<PendingReply> asked = new ArrayList<>();
    for (MemberView member : members) {
      asked.add(member.hash(inode, offset, BLOCKS_MAX));
    }
    List<HashObjectReply> answers = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      answers.add(members.get(i).await(asked.get(i)));
    }
    return answers;
  }

  private void compareSizes(long size, List<HashObjectReply> answers) {
    boolean nowhere = answers.stream().noneMatch(HashObjectReply::getExists);
    if (nowhere && size == 0) {
      // Objects are made by the first write: an empty file needs none.
      return;
    }
    for (int i = 0; i < answers.size(); i++) {
      HashObjectReply answer = answers.get(i);
      if (!answer.getExists() && (size != 0 || !nowhere)) {
        add(i, -1, 0, "the object is missing");
      } else if (answer.getSize() != size) {
        add(
            i,
            Math.min(size, answer.getSize()),
            Math.abs(size - answer.getSize()),
            "the size is " + answer.getSize() + ", expected " + size + " from the namespace");
      }
    }
  }

  private void compareBlocks(long offset, List<HashObjectReply> answers) {
    int blocks = answers.stream().mapToInt(a -> a.getCrcs().size() / CRC_BYTES).max().orElse(0);
    for (int i = 0; i < answers.size(); i++) {
      if (!answers.get(i).getExists()) {
        continue;
      }
      int from = -1;
      for (int block = 0; block <= blocks; block++) {
        boolean odd = block < blocks && isOdd(i, block, answers);
        if (odd && from < 0) {
          from = block;
        } else if (!odd && from >= 0) {
          add(
              i,
              offset + (long) from * Limits.BLOCK_BYTES,
              (long) (block - from) * Limits.BLOCK_BYTES,
              "the bytes differ from those of the other members");
          from = -1;
        }
      }
    }
  }

  /** Whether this member's block is not what most of the members have. */
  private static boolean isOdd(int member, int block, List<HashObjectReply> answers) {
    Map<ByteString, Integer> votes = new HashMap<>();
    int voters = 0;
    for (HashObjectReply answer : answers) {
      ByteString crc = crc(answer, block);
      if (!crc.isEmpty()) {
        votes.merge(crc, 1, Integer::sum);
        voters++;
      }
    }
    ByteString own = crc(answers.get(member), block);
    // A block beyond the end was reported as a wrong size.
    return votes.size() > 1 && !own.isEmpty() && votes.get(own) * 2 <= voters;
  }

  private static ByteString crc(HashObjectReply answer, int block) {
    int at = block * CRC_BYTES;
    return at + CRC_BYTES <= answer.getCrcs().size()
        ? answer.getCrcs().substring(at, at + CRC_BYTES)
        : ByteString.EMPTY;
  }

  private void add(int index, long offset, long length, String what) {
    MemberView member = members.get(index);
    differences.add(new Difference(set, member.id(), member.address(), name, offset, length, what));
  }
}
