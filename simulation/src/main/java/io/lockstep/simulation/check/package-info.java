/**
 * Checkers of histories: what applications saw, judged against what they were promised. Nothing
 * here knows how the history came about; those of real mounts are judged by the same code. {@link
 * io.lockstep.simulation.check.History} is where one begins: whoever works on files writes down
 * what he did and saw, with times of one clock, and asks for the violations at the end.
 */
package io.lockstep.simulation.check;
