/**
 * Exhaustive exploration of pure state machines: every order in which what is possible can happen,
 * breadth first, so that the first trace found to a violation is a shortest one. One thread; the
 * machines are the production classes.
 */
package io.lockstep.tools.explore;
