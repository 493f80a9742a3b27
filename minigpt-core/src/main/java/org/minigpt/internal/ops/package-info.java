/** This library's SameDiff ops, each with its gradient op beside it. */
package org.minigpt.internal.ops;
